import { SignJWT, jwtVerify } from 'jose';
import { LRUCache } from 'lru-cache';
import type { Clock } from '../../../kernel/clock.js';
import { isUuid } from '../../../kernel/ids.js';
import { ALGORITHM, CLOCK_SKEW_SECONDS, isCanonical, ISSUER, SigningKeys } from './signing-keys.js';

const AUDIENCE = 'flynkle-api';
/** Type of an access token by RFC 9068. It prevents another token signed with these secrets from passing as one. */
const TYPE = 'at+jwt';
/** Tokens whose check is remembered, at some 600 bytes each: those of the callers who are active at the moment. */
const MAX_REMEMBERED = 10_000;

export interface AccessTokenSubject {
  readonly userId: string;
  readonly sessionId: string;
}

export type VerifiedToken = AccessTokenSubject & { readonly expiresAt: Date };

/** What a token was found to say, and between which times another check would find the same. */
interface Remembered {
  readonly token: VerifiedToken;
  readonly since: number;
  readonly until: number;
}

export interface AccessTokensOptions {
  /** The first one signs; the others verify until the tokens that they signed have expired. At least 32 bytes each. */
  readonly secrets: readonly string[];
  readonly lifetimeMinutes: number;
  readonly clock: Clock;
}

/** Signs and verifies the JWTs with which callers authenticate. */
export class AccessTokens {
  readonly #keys: SigningKeys;
  readonly #clock: Clock;
  /** What good tokens say, by their whole text. The keys stay the same for as long as the process lives. */
  readonly #remembered = new LRUCache<string, Remembered>({ max: MAX_REMEMBERED });
  readonly lifetimeSeconds: number;

  /** @throws RangeError when there is no secret, or one is too short */
  constructor({ secrets, lifetimeMinutes, clock }: AccessTokensOptions) {
    this.#keys = new SigningKeys(secrets);
    this.#clock = clock;
    this.lifetimeSeconds = Math.round(lifetimeMinutes * 60);
  }

  async issue({ userId, sessionId }: AccessTokenSubject): Promise<string> {
    const issuedAt = Math.floor(this.#clock.now().getTime() / 1000);
    return new SignJWT({ sid: sessionId })
      .setProtectedHeader({ alg: ALGORITHM, typ: TYPE, kid: this.#keys.current.id })
      .setSubject(userId)
      .setIssuer(ISSUER)
      .setAudience(AUDIENCE)
      .setIssuedAt(issuedAt)
      .setExpirationTime(issuedAt + this.lifetimeSeconds)
      .sign(await this.#keys.current.key);
  }

  /** @returns null for anything but an unexpired token that {@link issue} made */
  async verify(token: string): Promise<VerifiedToken | null> {
    const now = this.#clock.now();
    const known = this.#remembered.get(token);
    if (known !== undefined && known.since <= now.getTime() && now.getTime() < known.until) return known.token;
    const verified = isCanonical(token) ? await this.#check(token, now) : null;
    if (verified === null) this.#remembered.delete(token);
    else this.#remembered.set(token, verified);
    return verified?.token ?? null;
  }

  async #check(token: string, now: Date): Promise<Remembered | null> {
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
    const verified = await jwtVerify(token, this.#keys.keyOf, options).catch(() => null);
    if (verified === null) return null;
    const { sub, sid, iat = 0, exp = 0 } = verified.payload;
    const expiresAt = new Date(exp * 1000);
    if (typeof sub !== 'string' || !isUuid(sub) || typeof sid !== 'string' || !isUuid(sid)) return null;
    if (expiresAt <= now) return null;
    // A token may be older than its greatest age by the tolerance: it is checked anew from that age on.
    const until = Math.min(expiresAt.getTime(), (iat + this.lifetimeSeconds) * 1000);
    return { token: { userId: sub, sessionId: sid, expiresAt }, since: now.getTime(), until };
  }
}
