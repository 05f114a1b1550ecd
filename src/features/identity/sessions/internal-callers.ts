import { timingSafeEqual } from 'node:crypto';
import type { Credentials } from '../../../kernel/caller.js';
import { Networks } from '../../../kernel/networks.js';
import { sha256 } from '../../../kernel/token.js';

export interface InternalCallersOptions {
  /** Networks such as `10.0.0.0/8`, `fd00::/8` or `127.0.0.1`. */
  readonly cidrs: readonly string[];
  readonly key: string | undefined;
  /** Networks of the proxies in front: their addresses never count as internal callers. */
  readonly proxies: readonly string[];
}

/** Decides which callers are trusted with `X-User-ID`. */
export class InternalCallers {
  readonly #networks: Networks;
  readonly #proxies: Networks;
  readonly #keyDigest: Buffer | null;

  /** @throws RangeError that names an invalid network */
  constructor({ cidrs, key, proxies }: InternalCallersOptions) {
    this.#networks = new Networks(cidrs);
    this.#proxies = new Networks(proxies);
    this.#keyDigest = key === undefined ? null : sha256(key);
  }

  /** A browser on an internal machine runs pages of anyone, so it is never a caller of its own. */
  trusts({
    peerAddress,
    internalKey,
    isFromBrowser,
  }: Pick<Credentials, 'peerAddress' | 'internalKey' | 'isFromBrowser'>): boolean {
    if (isFromBrowser) return false;
    return this.#hasKey(internalKey) || (peerAddress !== null && this.#isInside(peerAddress));
  }

  /** A proxy forwards requests of anyone, so it is never inside, whatever network it is in. */
  #isInside(peerAddress: string): boolean {
    return this.#networks.has(peerAddress) && !this.#proxies.has(peerAddress);
  }

  /** Compares digests, which have equal lengths, so that the comparison takes the same time for any input. */
  #hasKey(key: string | null): boolean {
    return this.#keyDigest !== null && key !== null && timingSafeEqual(sha256(key), this.#keyDigest);
  }
}
