import { createHash } from 'node:crypto';
import { SignJWT, jwtVerify, type CryptoKey, type JWTVerifyGetKey } from 'jose';
import type { Clock } from '../../../kernel/clock.js';
import { isUuid } from '../../../kernel/ids.js';

const ALGORITHM = 'HS256';
const ISSUER = 'flynkle-api';
const AUDIENCE = 'flynkle-api';
/** RFC 9068's type of an access token: no other token signed with these secrets can be taken for one. */
const TYPE = 'at+jwt';
/** Maximum difference of two instances' clocks. A token may be issued this far in the future; its expiry is exact. */
const CLOCK_SKEW_SECONDS = 5;
/** RFC 7518, section 3.2: a key of HS256 has as many bits as its hash at the least. `jose` does not insist. */
const MIN_SECRET_BYTES = 32;

/**
 * Three parts without padding, of which the last has 256 bits: its 43rd character stands for four, and of the four characters
 * that a lenient decoder takes for the same four bits one is right. Header and payload are signed as they are written.
 */
const CANONICAL = /^[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]$/;

export interface AccessTokenSubject {
  readonly userId: string;
  readonly sessionId: string;
}

export interface AccessTokensOptions {
  /** The first one signs; older ones still verify until the tokens that they signed are over. 32 bytes or more each. */
  readonly secrets: readonly string[];
  readonly lifetimeMinutes: number;
  readonly clock: Clock;
}

interface SigningKey {
  readonly id: string;
  readonly key: Promise<CryptoKey>;
}

/** Signs and checks the JWTs that callers authenticate with. */
export class AccessTokens {
  readonly #keys: ReadonlyMap<string, SigningKey>;
  readonly #current: SigningKey;
  readonly #clock: Clock;
  readonly lifetimeSeconds: number;

  /** @throws RangeError when there is no secret or one is too short */
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

  /** @returns null for anything but a token that {@link issue} made and that is not over */
  async verify(token: string): Promise<(AccessTokenSubject & { readonly expiresAt: Date }) | null> {
    if (!CANONICAL.test(token)) return null;
    const now = this.#clock.now();
    const options = {
      algorithms: [ALGORITHM],
      typ: TYPE,
      issuer: ISSUER,
      audience: AUDIENCE,
      requiredClaims: ['sub', 'sid', 'iat', 'exp'],
      // Without an age at most, a token from the future passes.
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
