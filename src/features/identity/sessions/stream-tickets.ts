import { SignJWT, jwtVerify } from 'jose';
import type { Clock } from '../../../kernel/clock.js';
import { isUuid } from '../../../kernel/ids.js';
import { ALGORITHM, CLOCK_SKEW_SECONDS, isCanonical, ISSUER, type SigningKeys } from './signing-keys.js';

/** Not that of access tokens: neither passes as the other. */
const AUDIENCE = 'flynkle-api:reply-stream';
const TYPE = 'stream-ticket+jwt';
/** Longer than a reply takes, so that a browser can connect again with the same URL until the reply's end. */
export const TICKET_SECONDS = 600;

export interface TicketSubject {
  readonly userId: string;
  /** Null for a ticket of an internal caller, which has no session. */
  readonly sessionId: string | null;
  /** The one reply that the ticket lets read. */
  readonly messageId: string;
}

/** Signs and verifies the tickets that stand in the URL of a reply's stream, where a browser can send no header. */
export class StreamTickets {
  constructor(private readonly needs: { readonly keys: SigningKeys; readonly clock: Clock }) {}

  async issue({ userId, sessionId, messageId }: TicketSubject): Promise<string> {
    const { keys, clock } = this.needs;
    const issuedAt = Math.floor(clock.now().getTime() / 1000);
    return new SignJWT({ mid: messageId, sid: sessionId })
      .setProtectedHeader({ alg: ALGORITHM, typ: TYPE, kid: keys.current.id })
      .setSubject(userId)
      .setIssuer(ISSUER)
      .setAudience(AUDIENCE)
      .setIssuedAt(issuedAt)
      .setExpirationTime(issuedAt + TICKET_SECONDS)
      .sign(await keys.current.key);
  }

  /** @returns null for anything but an unexpired ticket that {@link issue} made */
  async verify(ticket: string): Promise<(TicketSubject & { readonly expiresAt: Date }) | null> {
    if (!isCanonical(ticket)) return null;
    const { keys, clock } = this.needs;
    const now = clock.now();
    const options = {
      algorithms: [ALGORITHM],
      typ: TYPE,
      issuer: ISSUER,
      audience: AUDIENCE,
      requiredClaims: ['sub', 'mid', 'sid', 'iat', 'exp'],
      maxTokenAge: TICKET_SECONDS,
      clockTolerance: CLOCK_SKEW_SECONDS,
      currentDate: now,
    };
    const verified = await jwtVerify(ticket, keys.keyOf, options).catch(() => null);
    if (verified === null) return null;
    const { sub, mid, sid, exp = 0 } = verified.payload;
    const expiresAt = new Date(exp * 1000);
    if (typeof sub !== 'string' || !isUuid(sub) || typeof mid !== 'string' || !isUuid(mid)) return null;
    if (sid !== null && (typeof sid !== 'string' || !isUuid(sid))) return null;
    return expiresAt > now ? { userId: sub, sessionId: sid, messageId: mid, expiresAt } : null;
  }
}
