import type { Prisma } from '../../../generated/prisma/client.js';
import type { Bytes } from '../../../kernel/bytes.js';
import type { Database } from '../../../ports/database.js';
import { deletedOrNull } from '../../../ports/prisma-errors.js';

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
  readonly userId: string;
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

  async insertCode(codeHash: Bytes, codeChallenge: string, identityId: string, expiresAt: Date): Promise<void> {
    await this.database.prisma.loginCode.createMany({ data: { codeHash, codeChallenge, identityId, expiresAt } });
  }

  /**
   * Deletes the code, so that only one of concurrent calls gets it. SQL, since Prisma reads the identity separately.
   */
  async takeCode(codeHash: Bytes, now: Date): Promise<StoredCode | null> {
    const { rows } = await this.database.query<StoredCode>(
      `DELETE FROM login_codes c USING identities i
       WHERE c.code_hash = $1 AND c.expires_at > $2 AND i.id = c.identity_id
       RETURNING c.code_challenge AS "codeChallenge", i.user_id AS "userId", i.provider`,
      [codeHash, now],
      'login_code_take',
    );
    return rows[0] ?? null;
  }

  /** Deletes logins and codes that expired unused. */
  async deleteExpired(now: Date): Promise<void> {
    await this.database.prisma.providerLogin.deleteMany({ where: { expiresAt: { lte: now } } });
    await this.database.prisma.loginCode.deleteMany({ where: { expiresAt: { lte: now } } });
  }
}
