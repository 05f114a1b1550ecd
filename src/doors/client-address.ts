import { isIP } from 'node:net';
import type { Client } from '../kernel/caller.js';
import { Networks } from '../kernel/networks.js';
import { plainAddress } from '../kernel/plain-address.js';

/** Where a request came from: the address of its socket, and its headers. */
export interface Peer extends Client {
  /** The socket's own address. */
  readonly ipAddress: string | null;
  /** The `X-Forwarded-For` header: each proxy appends the address that it was called from. */
  readonly forwardedFor: string | null;
}

/**
 * Finds the client behind trusted proxies. Any client can send the header, so its addresses are followed backwards from the
 * socket's address: the client is the first that does not belong to a trusted proxy.
 * @param trustedProxies networks, such as `10.0.0.0/8`; with none, the header is ignored
 */
export function createClientOf(trustedProxies: readonly string[]): (peer: Peer) => Client {
  const trusted = new Networks(trustedProxies);
  return ({ ipAddress, userAgent, forwardedFor }) => {
    const forwarded = forwardedFor?.split(',').map(addressIn) ?? [];
    let client = ipAddress;
    while (client !== null && trusted.has(client)) {
      const next = forwarded.pop();
      // A trusted proxy added no address: use the proxy's own, the last that is known.
      if (next === undefined || isIP(next) === 0) break;
      client = next;
    }
    return { ipAddress: client === null ? null : plainAddress(client), userAgent };
  };
}

/** Some proxies add the port: `192.0.2.1:4711`, `[2001:db8::1]:4711`. */
function addressIn(entry: string): string {
  const text = entry.trim();
  return /^\[([^\]]*)\](?::\d+)?$/.exec(text)?.[1] ?? /^([\d.]+):\d+$/.exec(text)?.[1] ?? text;
}
