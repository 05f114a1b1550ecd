import { isIPv4 } from 'node:net';
import { Networks } from '../kernel/networks.js';

/** The shortest prefix that a range of public addresses may have. */
export interface Widest {
  readonly ipv4: number;
  readonly ipv6: number;
}

/** All IPv4 addresses, as IPv6 writes them. They are in an IPv6 range, too: `::/0` lets everyone in. */
const MAPPED = '::ffff:0:0';
const MAPPED_LENGTH = 96;
const MAPPED_NETWORK = new Networks([`${MAPPED}/${MAPPED_LENGTH}`]);

/** Networks in which nobody is who comes from the internet: a range within one of them may be of any width. */
const PRIVATE = [
  '10.0.0.0/8',
  '172.16.0.0/12',
  '192.168.0.0/16',
  '100.64.0.0/10',
  '169.254.0.0/16',
  '127.0.0.0/8',
  'fc00::/7',
  'fe80::/10',
  '::1/128',
].map((cidr) => ({ ...partsOf(cidr), network: new Networks([cidr]) }));

/** Whether a valid range lets in more of the internet than one organisation has. */
export function isTooWide(cidr: string, widest: Widest): boolean {
  const { address, length, isVersion4 } = partsOf(cidr);
  const isWithin = PRIVATE.some(
    (within) => within.isVersion4 === isVersion4 && length >= within.length && within.network.has(address),
  );
  if (isWithin) return false;
  if (!isVersion4 && length <= MAPPED_LENGTH && new Networks([cidr]).has(MAPPED)) return true;
  return length < (isVersion4 ? widest.ipv4 : widest.ipv6);
}

function partsOf(cidr: string) {
  const [address = '', bits] = cidr.split('/');
  const isPlain4 = isIPv4(address);
  const length = bits === undefined ? (isPlain4 ? 32 : 128) : Number(bits);
  const isMapped = !isPlain4 && length >= MAPPED_LENGTH && MAPPED_NETWORK.has(address);
  return { address, isVersion4: isPlain4 || isMapped, length: isMapped ? length - MAPPED_LENGTH : length };
}
