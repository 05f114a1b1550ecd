import type { Prisma } from '../../../generated/prisma/client.js';
import type { Bytes } from '../../../kernel/bytes.js';
import type { Database, Sql } from '../../../ports/database.js';
import { deletedOrNull } from '../../../ports/prisma-errors.js';
import type { LoginRow } from '../accounts/user.js';

export interface StoredLogin {
  readonly provider: string;
  readonly redirectUri: string;
  readonly returnUrl: string | null;
  readonly codeChallenge: string | null;
  /** The session that wants to link the provider; null for a login. */
  readonly sessionId: string | null;
}

/** The values that find a login; all of them must match. */
export interface LoginKey {
  readonly stateHash: Bytes;
  readonly secretHash: Bytes;
  readonly provider: string;
  readonly sessionId: string | null;
}

export interface StoredCode {
  readonly codeChallenge: string;
  /** In the state in which the code was still good. */
  readonly user: LoginRow;
  /** The provider that vouched for the user. */
  readonly provider: string;
}

const STORED_LOGIN = {
  provider: true,
  redirectUri: true,
  returnUrl: true,
  codeChallenge: true,
  sessionId: true,
} as const satisfies Prisma.ProviderLoginSelect;

/** Logins in progress, and the login codes with which some of them ended. */
export class ProviderLoginsRepository {
  constructor(private readonly database: Database) {}

  async insert(stateHash: Bytes, secretHash: Bytes, login: StoredLogin, expiresAt: Date): Promise<void> {
    const { provider, redirectUri, returnUrl, codeChallenge, sessionId } = login;
    await this.database.prisma.providerLogin.createMany({
      data: { stateHash, secretHash, provider, redirectUri, returnUrl, codeChallenge, sessionId, expiresAt },
    });
  }

  /**
   * Deletes the login, so that of concurrent calls only one gets it.
   * @returns null when it was already taken, has expired, or the key does not match
   */
  take({ stateHash, secretHash, provider, sessionId }: LoginKey, now: Date): Promise<StoredLogin | null> {
    return deletedOrNull(
      this.database.prisma.providerLogin.delete({
        where: { stateHash, secretHash, provider, sessionId, expiresAt: { gt: now } },
        select: STORED_LOGIN,
      }),
    );
  }

  /** Deletes the links that a user's sessions have begun. SQL, since sessions are no relation of these rows. */
  async deleteLinksOf(sql: Sql, userId: string): Promise<void> {
    await sql.query(
      'DELETE FROM provider_logins p USING sessions s WHERE s.id = p.session_id AND s.user_id = $1',
      [userId],
      'provider_login_delete_links',
    );
  }

  async insertCode(codeHash: Bytes, codeChallenge: string, identityId: string, expiresAt: Date): Promise<void> {
    await this.database.prisma.loginCode.createMany({ data: { codeHash, codeChallenge, identityId, expiresAt } });
  }

  /**
   * Deletes the code, so that only one of concurrent calls gets it. SQL, since Prisma reads the identity and the user separately.
   */
  async takeCode(codeHash: Bytes, now: Date): Promise<StoredCode | null> {
    const { rows } = await this.database.query<Omit<StoredCode, 'user'> & LoginRow>(
      `DELETE FROM login_codes c USING identities i, users u
       WHERE c.code_hash = $1 AND c.expires_at > $2 AND i.id = c.identity_id AND u.id = i.user_id AND u.deleted_at IS NULL
       RETURNING c.code_challenge AS "codeChallenge", i.provider, u.id, u.password_hash AS "passwordHash",
         u.credentials_epoch AS "credentialsEpoch", u.is_active AS "isActive", u.is_suspended AS "isSuspended"`,
      [codeHash, now],
      'login_code_take',
    );
    const [row] = rows;
    if (row === undefined) return null;
    const { codeChallenge, provider, ...user } = row;
    return { codeChallenge, provider, user };
  }

  /** Deletes logins and codes that expired unused. */
  async deleteExpired(now: Date): Promise<void> {
    await this.database.prisma.providerLogin.deleteMany({ where: { expiresAt: { lte: now } } });
    await this.database.prisma.loginCode.deleteMany({ where: { expiresAt: { lte: now } } });
  }
}
