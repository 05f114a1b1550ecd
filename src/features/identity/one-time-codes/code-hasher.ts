import { createHmac, timingSafeEqual } from 'node:crypto';
import { derivedKey } from '../../../kernel/token.js';
import { normaliseAddress, type OneTimeCodePurpose } from './one-time-code.js';

const KEY_BYTES = 32;

/** What a code is good for, and for whom. */
export interface CodeBinding {
  readonly purpose: OneTimeCodePurpose;
  readonly addressHash: Buffer<ArrayBuffer>;
  /** Null for an address that nobody has. */
  readonly userId: string | null;
}

/**
 * What is stored of codes and of the addresses that they were asked for. A million codes are tried in a second: without the
 * key, which is not in the database, the hash of one says nothing.
 */
export class CodeHasher {
  readonly #addressKey: Buffer;
  readonly #codeKey: Buffer;

  /** @param secrets the keys of access tokens: from the first of them others are derived */
  constructor([secret]: readonly string[]) {
    if (secret === undefined) throw new RangeError('there is no secret to derive keys from');
    this.#addressKey = derivedKey(secret, 'addresses of one-time codes', KEY_BYTES);
    this.#codeKey = derivedKey(secret, 'one-time codes', KEY_BYTES);
  }

  hashAddress(address: string): Buffer<ArrayBuffer> {
    return createHmac('sha256', this.#addressKey).update(normaliseAddress(address)).digest();
  }

  hashCode({ purpose, addressHash, userId }: CodeBinding, code: string): Buffer<ArrayBuffer> {
    const hmac = createHmac('sha256', this.#codeKey);
    return hmac.update(JSON.stringify([purpose, addressHash.toString('hex'), userId, code])).digest();
  }

  matches(hash: Uint8Array, binding: CodeBinding, code: string): boolean {
    return timingSafeEqual(hash, this.hashCode(binding, code));
  }
}
