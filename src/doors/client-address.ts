import { isIP } from 'node:net';
import type { Client } from '../kernel/caller.js';
import { Networks } from '../kernel/networks.js';

/** The origin of a request according to its socket and its headers. */
export interface Peer extends Client {
  /** The socket's own address. */
  readonly ipAddress: string | null;
  /** The `X-Forwarded-For` header: each proxy adds the address that it was called from at the end. */
  readonly forwardedFor: string | null;
}

/**
 * Finds the client behind trusted proxies. Anyone may write into the header, so the addresses are followed backwards from the
 * socket's: the client is the first that is no trusted proxy.
 * @param trustedProxies networks, such as `10.0.0.0/8`; none believes no header
 */
export function createClientOf(trustedProxies: readonly string[]): (peer: Peer) => Client {
  const trusted = new Networks(trustedProxies);
  return ({ ipAddress, userAgent, forwardedFor }) => {
    const forwarded = forwardedFor?.split(',').map(addressIn) ?? [];
    let client = ipAddress;
    while (client !== null && trusted.has(client)) {
      const next = forwarded.pop();
      // A trusted proxy wrote no address: the proxy itself is the last address known.
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
