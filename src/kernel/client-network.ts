import { isIPv4 } from 'node:net';
import { plainAddress } from './plain-address.js';

/**
 * Rate-limit key of a client: the IPv4 address, or the /64 of an IPv6 address, since one client usually has a whole /64.
 * @param address as a socket reports it
 */
export function clientNetwork(address: string): string {
  const plain = plainAddress(address);
  if (isIPv4(plain)) return plain;
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
