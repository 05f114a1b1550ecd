import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import { derivedKey } from './token.js';

const ALGORITHM = 'aes-256-gcm';
const KEY_ID_BYTES = 4;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;

interface BoxKey {
  readonly id: Buffer;
  readonly key: Buffer;
}

/**
 * Encrypts what is stored and must be read again, such as the secrets of second factors. Uses AES-256-GCM, bound to the owner (a
 * user's id, or what else a row is found by), so that a box copied to another row cannot be decrypted. A box consists of the key's id, the nonce, the tag and the
 * ciphertext.
 */
export class SecretBox {
  readonly #keys: readonly BoxKey[];
  readonly #current: BoxKey;

  /**
   * @param secrets the keys of access tokens: the first derives the key that encrypts, all derive keys that decrypt
   * @param use what the boxes are for: each use has keys of its own
   */
  constructor(secrets: readonly string[], use: string) {
    const keys = secrets.map((secret) => ({
      id: derivedKey(secret, `key id of ${use}`, KEY_ID_BYTES),
      key: derivedKey(secret, use, 32),
    }));
    const [current] = keys;
    if (current === undefined) throw new RangeError('there is no secret to derive keys from');
    this.#keys = keys;
    this.#current = current;
  }

  /** First bytes of every box that is encrypted with the present key. */
  get currentKeyId(): Buffer {
    return this.#current.id;
  }

  seal(owner: string, secret: Uint8Array): Buffer<ArrayBuffer> {
    const { id, key } = this.#current;
    const nonce = randomBytes(NONCE_BYTES);
    const cipher = createCipheriv(ALGORITHM, key, nonce, { authTagLength: TAG_BYTES }).setAAD(Buffer.from(owner));
    const ciphertext = Buffer.concat([cipher.update(secret), cipher.final()]);
    return Buffer.concat([id, nonce, cipher.getAuthTag(), ciphertext]);
  }

  /** @returns null when the key is no longer configured, or the box is not one of this owner */
  open(owner: string, box: Uint8Array): Buffer<ArrayBuffer> | null {
    const bytes = Buffer.from(box);
    const id = bytes.subarray(0, KEY_ID_BYTES);
    const key = this.#keys.find((candidate) => candidate.id.equals(id))?.key;
    if (key === undefined) return null;
    const tagAt = KEY_ID_BYTES + NONCE_BYTES;
    const nonce = bytes.subarray(KEY_ID_BYTES, tagAt);
    try {
      const decipher = createDecipheriv(ALGORITHM, key, nonce, { authTagLength: TAG_BYTES })
        .setAAD(Buffer.from(owner))
        .setAuthTag(bytes.subarray(tagAt, tagAt + TAG_BYTES));
      return Buffer.concat([decipher.update(bytes.subarray(tagAt + TAG_BYTES)), decipher.final()]);
    } catch {
      return null;
    }
  }
}
