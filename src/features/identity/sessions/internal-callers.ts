import { timingSafeEqual } from 'node:crypto';
import type { Credentials } from '../../../kernel/caller.js';
import { Networks } from '../../../kernel/networks.js';
import { sha256 } from '../../../kernel/token.js';

export interface InternalCallersOptions {
  /** Networks such as `10.0.0.0/8`, `fd00::/8` or `127.0.0.1`. */
  readonly cidrs: readonly string[];
  readonly key: string | undefined;
  /** Networks of the proxies in front, none of which is an internal caller by its address. */
  readonly proxies: readonly string[];
}

/** Decides whose `X-User-ID` is believed. */
export class InternalCallers {
  readonly #networks: Networks;
  readonly #proxies: Networks;
  readonly #keyDigest: Buffer | null;

  /** @throws RangeError naming a network that is none */
  constructor({ cidrs, key, proxies }: InternalCallersOptions) {
    this.#networks = new Networks(cidrs);
    this.#proxies = new Networks(proxies);
    this.#keyDigest = key === undefined ? null : sha256(key);
  }

  trusts({ peerAddress, internalKey }: Pick<Credentials, 'peerAddress' | 'internalKey'>): boolean {
    return this.#hasKey(internalKey) || (peerAddress !== null && this.#isInside(peerAddress));
  }

  /** A proxy speaks for everyone behind it, whatever network it is in itself. */
  #isInside(peerAddress: string): boolean {
    return this.#networks.has(peerAddress) && !this.#proxies.has(peerAddress);
  }

  /** Digests have one length, and comparing them takes one time, whatever was sent. */
  #hasKey(key: string | null): boolean {
    return this.#keyDigest !== null && key !== null && timingSafeEqual(sha256(key), this.#keyDigest);
  }
}
