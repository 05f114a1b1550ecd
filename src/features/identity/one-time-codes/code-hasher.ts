import { createHmac, timingSafeEqual } from 'node:crypto';
import { derivedKey } from '../../../kernel/token.js';
import { addressIdentity } from '../accounts/email-address.js';
import type { OneTimeCodePurpose } from './one-time-code.js';

const KEY_BYTES = 32;

/** The purpose, address and user to which a code is bound. */
export interface CodeBinding {
  readonly purpose: OneTimeCodePurpose;
  readonly addressHash: Buffer<ArrayBuffer>;
  /** Null for an address that no user has. */
  readonly userId: string | null;
}

/**
 * Hashes codes, and the addresses that they were requested for, for storage. They are keyed hashes (HMAC), since an
 * attacker can try all million codes in a second: without the key, which is not in the database, a stolen hash reveals
 * nothing.
 */
export class CodeHasher {
  readonly #addressKey: Buffer;
  readonly #codeKey: Buffer;

  /** @param secrets the keys of access tokens, of which the first derives the keys used here */
  constructor([secret]: readonly string[]) {
    if (secret === undefined) throw new RangeError('there is no secret to derive keys from');
    this.#addressKey = derivedKey(secret, 'addresses of one-time codes', KEY_BYTES);
    this.#codeKey = derivedKey(secret, 'one-time codes', KEY_BYTES);
  }

  hashAddress(address: string): Buffer<ArrayBuffer> {
    return createHmac('sha256', this.#addressKey).update(addressIdentity(address)).digest();
  }

  hashCode({ purpose, addressHash, userId }: CodeBinding, code: string): Buffer<ArrayBuffer> {
    const hmac = createHmac('sha256', this.#codeKey);
    return hmac.update(JSON.stringify([purpose, addressHash.toString('hex'), userId, code])).digest();
  }

  matches(hash: Uint8Array, binding: CodeBinding, code: string): boolean {
    return timingSafeEqual(hash, this.hashCode(binding, code));
  }
}
