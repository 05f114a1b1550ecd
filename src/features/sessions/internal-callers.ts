import { createHash, timingSafeEqual } from 'node:crypto';
import type { Credentials } from '../../kernel/caller.js';
import { Networks } from '../../kernel/networks.js';

export interface InternalCallersOptions {
  /** Networks such as `10.0.0.0/8`, `fd00::/8` or `127.0.0.1`. */
  readonly cidrs: readonly string[];
  readonly key: string | undefined;
}

/** Decides whose `X-User-ID` is believed. */
export class InternalCallers {
  readonly #networks: Networks;
  readonly #keyDigest: Buffer | null;

  /** @throws RangeError naming a network that is none */
  constructor({ cidrs, key }: InternalCallersOptions) {
    this.#networks = new Networks(cidrs);
    this.#keyDigest = key === undefined ? null : sha256(key);
  }

  trusts({ peerAddress, internalKey }: Pick<Credentials, 'peerAddress' | 'internalKey'>): boolean {
    return this.#hasKey(internalKey) || (peerAddress !== null && this.#networks.has(peerAddress));
  }

  /** Digests have one length, and comparing them takes one time, whatever was sent. */
  #hasKey(key: string | null): boolean {
    return this.#keyDigest !== null && key !== null && timingSafeEqual(sha256(key), this.#keyDigest);
  }
}

function sha256(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
