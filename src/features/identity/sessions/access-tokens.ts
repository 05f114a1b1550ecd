import { createHash } from 'node:crypto';
import { SignJWT, jwtVerify, type CryptoKey, type JWTVerifyGetKey } from 'jose';
import type { Clock } from '../../../kernel/clock.js';
import { isUuid } from '../../../kernel/ids.js';

const ALGORITHM = 'HS256';
const ISSUER = 'flynkle-api';
const AUDIENCE = 'flynkle-api';
/** Type of an access token by RFC 9068. It prevents another token signed with these secrets from passing as one. */
const TYPE = 'at+jwt';
/**
 * Maximum difference between two instances' clocks. A token's issue time may be this far in the future; its expiry is
 * exact.
 */
const CLOCK_SKEW_SECONDS = 5;
/** RFC 7518, section 3.2: a key for HS256 has at least as many bits as the hash. `jose` does not check it. */
const MIN_SECRET_BYTES = 32;

/**
 * Three base64url parts without padding, in canonical form only. The signature's 256 bits leave four for its 43rd
 * character, so that a lenient decoder takes four different characters for the same bits; only one of them is accepted.
 * Header and payload need no such check, since they are signed as text.
 */
const CANONICAL = /^[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]$/;

export interface AccessTokenSubject {
  readonly userId: string;
  readonly sessionId: string;
}

export interface AccessTokensOptions {
  /** The first one signs; the others verify until the tokens that they signed have expired. At least 32 bytes each. */
  readonly secrets: readonly string[];
  readonly lifetimeMinutes: number;
  readonly clock: Clock;
}

interface SigningKey {
  readonly id: string;
  readonly key: Promise<CryptoKey>;
}

/** Signs and verifies the JWTs with which callers authenticate. */
export class AccessTokens {
  readonly #keys: ReadonlyMap<string, SigningKey>;
  readonly #current: SigningKey;
  readonly #clock: Clock;
  readonly lifetimeSeconds: number;

  /** @throws RangeError when there is no secret, or one is too short */
  constructor({ secrets, lifetimeMinutes, clock }: AccessTokensOptions) {
    const keys = secrets.map(signingKey);
    const [current] = keys;
    if (current === undefined) throw new RangeError('a secret to sign access tokens with is needed');
    this.#current = current;
    this.#keys = new Map(keys.map((key) => [key.id, key]));
    this.#clock = clock;
    this.lifetimeSeconds = Math.round(lifetimeMinutes * 60);
  }

  async issue({ userId, sessionId }: AccessTokenSubject): Promise<string> {
    const issuedAt = Math.floor(this.#clock.now().getTime() / 1000);
    return new SignJWT({ sid: sessionId })
      .setProtectedHeader({ alg: ALGORITHM, typ: TYPE, kid: this.#current.id })
      .setSubject(userId)
      .setIssuer(ISSUER)
      .setAudience(AUDIENCE)
      .setIssuedAt(issuedAt)
      .setExpirationTime(issuedAt + this.lifetimeSeconds)
      .sign(await this.#current.key);
  }

  /** @returns null for anything but an unexpired token that {@link issue} made */
  async verify(token: string): Promise<(AccessTokenSubject & { readonly expiresAt: Date }) | null> {
    if (!CANONICAL.test(token)) return null;
    const now = this.#clock.now();
    const options = {
      algorithms: [ALGORITHM],
      typ: TYPE,
      issuer: ISSUER,
      audience: AUDIENCE,
      requiredClaims: ['sub', 'sid', 'iat', 'exp'],
      // Without a maximum age, `jose` accepts a token issued in the future.
      maxTokenAge: this.lifetimeSeconds,
      clockTolerance: CLOCK_SKEW_SECONDS,
      currentDate: now,
    };
    const verified = await jwtVerify(token, this.#keyOf, options).catch(() => null);
    if (verified === null) return null;
    const { sub, sid, exp = 0 } = verified.payload;
    const expiresAt = new Date(exp * 1000);
    if (typeof sub !== 'string' || !isUuid(sub) || typeof sid !== 'string' || !isUuid(sid)) return null;
    return expiresAt > now ? { userId: sub, sessionId: sid, expiresAt } : null;
  }

  readonly #keyOf: JWTVerifyGetKey = ({ kid = '' }) => {
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
