import { createHash, timingSafeEqual } from 'node:crypto';
import { BlockList, isIP } from 'node:net';
import type { Credentials } from '../../kernel/caller.js';

export interface InternalCallersOptions {
  /** Networks such as `10.0.0.0/8`, `fd00::/8` or `127.0.0.1`. */
  readonly cidrs: readonly string[];
  readonly key: string | undefined;
}

/** Decides whose `X-User-ID` is believed. */
export class InternalCallers {
  readonly #networks = new BlockList();
  readonly #keyDigest: Buffer | null;

  /** @throws RangeError naming a network that is none */
  constructor({ cidrs, key }: InternalCallersOptions) {
    for (const cidr of cidrs) this.#allow(cidr);
    this.#keyDigest = key === undefined ? null : sha256(key);
  }

  trusts({ peerAddress, internalKey }: Pick<Credentials, 'peerAddress' | 'internalKey'>): boolean {
    return this.#hasKey(internalKey) || this.#isInNetwork(peerAddress);
  }

  #allow(cidr: string): void {
    const [address = '', bits, ...rest] = cidr.split('/');
    const family = isIP(address);
    const most = family === 4 ? 32 : 128;
    const length = bits === undefined ? most : Number(bits);
    const isLength = bits === undefined || (/^[0-9]{1,3}$/.test(bits) && length <= most);
    if (family === 0 || !isLength || rest.length > 0) {
      throw new RangeError(`"${cidr}" is not a network such as 10.0.0.0/8 or fd00::/8`);
    }
    this.#networks.addSubnet(address, length, family === 4 ? 'ipv4' : 'ipv6');
  }

  #isInNetwork(peerAddress: string | null): boolean {
    if (peerAddress === null) return false;
    // A socket that listens on both families has IPv4 peers as ::ffff:192.0.2.1, and link-local ones with a zone.
    const address = peerAddress.replace(/^::ffff:(?=[0-9.]+$)/i, '').replace(/%.*$/, '');
    const family = isIP(address);
    return family !== 0 && this.#networks.check(address, family === 4 ? 'ipv4' : 'ipv6');
  }

  /** Digests have one length, and comparing them takes one time, whatever was sent. */
  #hasKey(key: string | null): boolean {
    return this.#keyDigest !== null && key !== null && timingSafeEqual(sha256(key), this.#keyDigest);
  }
}

function sha256(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
