import { createHash } from 'node:crypto';
import type { CryptoKey, JWTVerifyGetKey } from 'jose';

/** RFC 7518, section 3.2: a key for HS256 has at least as many bits as the hash. `jose` does not check it. */
const MIN_SECRET_BYTES = 32;

/**
 * Three base64url parts without padding, in canonical form only. The signature's 256 bits leave four for its 43rd
 * character, so that a lenient decoder takes four different characters for the same bits; only one of them is accepted.
 * Header and payload need no such check, since they are signed as text.
 */
const CANONICAL = /^[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]$/;

export const ALGORITHM = 'HS256';
export const ISSUER = 'flynkle-api';
/**
 * Maximum difference between two instances' clocks. A token's issue time may be this far in the future; its expiry is
 * exact.
 */
export const CLOCK_SKEW_SECONDS = 5;

/** Whether the text has the form of a token signed with HS256, in the one spelling that is accepted. */
export function isCanonical(token: string): boolean {
  return CANONICAL.test(token);
}

interface SigningKey {
  readonly id: string;
  readonly key: Promise<CryptoKey>;
}

/** The keys of signed tokens: the first secret signs, the others verify until the tokens that they signed have expired. */
export class SigningKeys {
  readonly #keys: ReadonlyMap<string, SigningKey>;
  readonly current: SigningKey;

  /** @throws RangeError when there is no secret, or one is too short */
  constructor(secrets: readonly string[]) {
    const keys = secrets.map(signingKey);
    const [current] = keys;
    if (current === undefined) throw new RangeError('a secret to sign access tokens with is needed');
    this.current = current;
    this.#keys = new Map(keys.map((key) => [key.id, key]));
  }

  readonly keyOf: JWTVerifyGetKey = ({ kid = '' }) => {
    const key = this.#keys.get(kid)?.key;
    if (key === undefined) throw new Error('signed with a key that is not known');
    return key;
  };
}

function signingKey(secret: string): SigningKey {
  const bytes = Buffer.from(secret);
  if (bytes.length < MIN_SECRET_BYTES) {
    throw new RangeError(`a secret to sign access tokens with has ${MIN_SECRET_BYTES} bytes at least`);
  }
  const id = createHash('sha256').update('key id of ').update(bytes).digest('base64url').slice(0, 8);
  const key = crypto.subtle.importKey('raw', bytes, { name: 'HMAC', hash: 'SHA-256' }, false, ['sign', 'verify']);
  return { id, key };
}
