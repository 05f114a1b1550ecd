import { AccessTokens } from '../../src/features/identity/sessions/access-tokens.js';
import type { Database } from '../../src/ports/database.js';

/** The SECRET_KEY of services whose tokens a test makes itself. */
export const SECRET_KEY = 'a secret of at least thirty-two bytes for tests';

const LIFETIME_MINUTES = 60;

export interface MintedToken {
  readonly token: string;
  readonly expiresAt: Date;
}

/** A valid token of the user's latest session that expires in the given number of seconds. */
export async function expiringToken(
  database: Pick<Database, 'query'>,
  userId: string,
  seconds: number,
): Promise<MintedToken> {
  const { rows } = await database.query<{ id: string }>(
    'SELECT id FROM sessions WHERE user_id = $1 ORDER BY id DESC LIMIT 1',
    [userId],
  );
  const issuedAt = Math.floor(Date.now() / 1000) + seconds - LIFETIME_MINUTES * 60;
  const clock = { now: () => new Date(issuedAt * 1000) };
  const tokens = new AccessTokens({ secrets: [SECRET_KEY], lifetimeMinutes: LIFETIME_MINUTES, clock });
  const token = await tokens.issue({ userId, sessionId: rows[0]?.id ?? '' });
  return { token, expiresAt: new Date((issuedAt + LIFETIME_MINUTES * 60) * 1000) };
}
