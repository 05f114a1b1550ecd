import type { Database } from '../../../ports/database.js';

export interface StoredLogin {
  readonly provider: string;
  readonly redirectUri: string;
  readonly returnUrl: string | null;
  readonly codeChallenge: string | null;
  /** Of the session that wants to link the provider; null for a login. */
  readonly sessionId: string | null;
}

/** What a login is found by, all of it. */
export interface LoginKey {
  readonly stateHash: Buffer;
  readonly secretHash: Buffer;
  readonly provider: string;
  readonly sessionId: string | null;
}

export interface StoredCode {
  readonly codeChallenge: string;
  readonly userId: string;
  /** That vouched for the user. */
  readonly provider: string;
}

/** Logins that are under way, and the codes that they ended with. */
export class ProviderLoginsRepository {
  constructor(private readonly database: Database) {}

  async insert(stateHash: Buffer, secretHash: Buffer, login: StoredLogin, expiresAt: Date): Promise<void> {
    const { provider, redirectUri, returnUrl, codeChallenge, sessionId } = login;
    await this.database.query(
      `INSERT INTO provider_logins
         (state_hash, secret_hash, provider, redirect_uri, return_url, code_challenge, session_id, expires_at)
       VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`,
      [stateHash, secretHash, provider, redirectUri, returnUrl, codeChallenge, sessionId, expiresAt],
      'provider_login_insert',
    );
  }

  /** Of any number of calls at once, one gets it. @returns null when it was taken, has expired, or the key is another's */
  async take({ stateHash, secretHash, provider, sessionId }: LoginKey, now: Date): Promise<StoredLogin | null> {
    const { rows } = await this.database.query<StoredLogin>(
      `DELETE FROM provider_logins
       WHERE state_hash = $1 AND secret_hash = $2 AND provider = $3 AND session_id IS NOT DISTINCT FROM $4::uuid
         AND expires_at > $5
       RETURNING provider, redirect_uri AS "redirectUri", return_url AS "returnUrl", code_challenge AS "codeChallenge",
         session_id AS "sessionId"`,
      [stateHash, secretHash, provider, sessionId, now],
      'provider_login_take',
    );
    return rows[0] ?? null;
  }

  async insertCode(codeHash: Buffer, codeChallenge: string, identityId: string, expiresAt: Date): Promise<void> {
    await this.database.query(
      'INSERT INTO login_codes (code_hash, code_challenge, identity_id, expires_at) VALUES ($1, $2, $3, $4)',
      [codeHash, codeChallenge, identityId, expiresAt],
      'login_code_insert',
    );
  }

  /** Of any number of calls at once, one gets it. */
  async takeCode(codeHash: Buffer, now: Date): Promise<StoredCode | null> {
    const { rows } = await this.database.query<StoredCode>(
      `DELETE FROM login_codes c USING identities i
       WHERE c.code_hash = $1 AND c.expires_at > $2 AND i.id = c.identity_id
       RETURNING c.code_challenge AS "codeChallenge", i.user_id AS "userId", i.provider`,
      [codeHash, now],
      'login_code_take',
    );
    return rows[0] ?? null;
  }

  /** Forgets what nobody finished. */
  async deleteExpired(now: Date): Promise<void> {
    await this.database.query('DELETE FROM provider_logins WHERE expires_at <= $1', [now], 'provider_login_expire');
    await this.database.query('DELETE FROM login_codes WHERE expires_at <= $1', [now], 'login_code_expire');
  }
}
