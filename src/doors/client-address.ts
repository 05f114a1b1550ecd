import { isIP } from 'node:net';
import type { Client } from '../kernel/caller.js';
import { Networks } from '../kernel/networks.js';

/** Where a request came from, as its socket and its headers have it. */
export interface Peer extends Client {
  /** The socket's own address. */
  readonly ipAddress: string | null;
  /** The `X-Forwarded-For` header: each proxy adds the address that it was called from at the end. */
  readonly forwardedFor: string | null;
}

/**
 * Tells who called a proxy of ours from what anyone may write into a header: from the socket's address backwards, the first
 * address that is no trusted proxy's.
 * @param trustedProxies networks, such as `10.0.0.0/8`; none believes no header
 */
export function createClientOf(trustedProxies: readonly string[]): (peer: Peer) => Client {
  const trusted = new Networks(trustedProxies);
  return ({ ipAddress, userAgent, forwardedFor }) => {
    const forwarded = forwardedFor?.split(',').map(addressIn) ?? [];
    let client = ipAddress;
    while (client !== null && trusted.has(client)) {
      const next = forwarded.pop();
      // A proxy that wrote what is no address has told nothing: it is the last that is known.
      if (next === undefined || isIP(next) === 0) break;
      client = next;
    }
    return { ipAddress: client, userAgent };
  };
}

/** Some proxies add the port: `192.0.2.1:4711`, `[2001:db8::1]:4711`. */
function addressIn(entry: string): string {
  const text = entry.trim();
  return /^\[([^\]]*)\](?::\d+)?$/.exec(text)?.[1] ?? /^([\d.]+):\d+$/.exec(text)?.[1] ?? text;
}
