import { isIPv4 } from 'node:net';

/**
 * Whom a limit for each client counts together: an IPv4 address, or the /64 of an IPv6 one, of which anyone has 2^64
 * addresses to call from.
 * @param address as a socket gives it
 */
export function clientNetwork(address: string): string {
  const mapped = address.replace(/^::ffff:(?=[0-9.]+$)/i, '');
  if (isIPv4(mapped)) return mapped;
  const [front = '', back] = address.replace(/%.*$/, '').split('::');
  const first = front === '' ? [] : front.split(':');
  const last = back === undefined || back === '' ? [] : back.split(':');
  const zeros = back === undefined ? 0 : Math.max(0, 8 - first.length - last.length);
  const groups = [...first, ...new Array<string>(zeros).fill('0'), ...last];
  return `${groups
    .slice(0, 4)
    .map((group) => group.replace(/^0+(?=.)/, '').toLowerCase())
    .join(':')}::/64`;
}
