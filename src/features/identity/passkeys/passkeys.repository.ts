import type { Prisma } from '../../../generated/prisma/client.js';
import type { Bytes } from '../../../kernel/bytes.js';
import { newId } from '../../../kernel/ids.js';
import type { Database, Sql } from '../../../ports/database.js';
import { deletedOrNull } from '../../../ports/prisma-errors.js';
import type { Credential, NewCredential, PasskeyPurpose, PasskeyRow } from './passkey.js';

const PASSKEY = {
  id: true,
  name: true,
  isBackedUp: true,
  createdAt: true,
  lastUsedAt: true,
} as const satisfies Prisma.PasskeySelect;

export class PasskeysRepository {
  constructor(private readonly database: Database) {}

  /** Oldest first. */
  list(userId: string): Promise<readonly PasskeyRow[]> {
    return this.database.prisma.passkey.findMany({ where: { userId }, orderBy: { id: 'asc' }, select: PASSKEY });
  }

  find(userId: string, id: string): Promise<PasskeyRow | null> {
    return this.database.prisma.passkey.findFirst({ where: { id, userId }, select: PASSKEY });
  }

  listCredentials(userId: string): Promise<readonly Pick<NewCredential, 'credentialId' | 'transports'>[]> {
    return this.database.prisma.passkey.findMany({
      where: { userId },
      orderBy: { id: 'asc' },
      select: { credentialId: true, transports: true },
    });
  }

  count(sql: Sql, userId: string): Promise<number> {
    return sql.prisma.passkey.count({ where: { userId } });
  }

  async findCredential(credentialId: string): Promise<Credential | null> {
    const credential = await this.database.prisma.passkey.findUnique({
      where: { credentialId },
      select: { id: true, userId: true, credentialId: true, publicKey: true, counter: true },
    });
    return credential && { ...credential, counter: Number(credential.counter) };
  }

  /** @returns null when the credential is already registered */
  async insert(
    sql: Sql,
    userId: string,
    name: string,
    { credentialId, publicKey, counter, transports, isBackedUp }: NewCredential,
    now: Date,
  ): Promise<PasskeyRow | null> {
    const [row] = await sql.prisma.passkey.createManyAndReturn({
      data: {
        id: newId(),
        userId,
        name,
        credentialId,
        publicKey,
        counter,
        transports: [...transports],
        isBackedUp,
        createdAt: now,
      },
      skipDuplicates: true,
      select: PASSKEY,
    });
    return row ?? null;
  }

  /**
   * Records a login.
   * @returns false when the passkey is gone, or a login with the same or a higher counter was faster
   */
  async use(
    { id }: Pick<Credential, 'id'>,
    { counter, isBackedUp }: Pick<NewCredential, 'counter' | 'isBackedUp'>,
    now: Date,
  ): Promise<boolean> {
    const { count } = await this.database.prisma.passkey.updateMany({
      where: { id, counter: counter === 0 ? 0 : { lt: counter } },
      data: { counter, isBackedUp, lastUsedAt: now },
    });
    return count === 1;
  }

  async rename(userId: string, id: string, name: string): Promise<PasskeyRow | null> {
    const [row] = await this.database.prisma.passkey.updateManyAndReturn({
      where: { id, userId },
      data: { name },
      select: PASSKEY,
    });
    return row ?? null;
  }

  /** @returns the deleted passkey; null when the user has none with this id */
  delete(sql: Sql, userId: string, id: string): Promise<PasskeyRow | null> {
    return deletedOrNull(sql.prisma.passkey.delete({ where: { id, userId }, select: PASSKEY }));
  }

  /** @returns the ids of the deleted passkeys. SQL, since Prisma does not return the rows that it deletes */
  async deleteSince(sql: Sql, userId: string, since: Date): Promise<readonly string[]> {
    const { rows } = await sql.query<{ id: string }>(
      'DELETE FROM passkeys WHERE user_id = $1 AND created_at >= $2 RETURNING id',
      [userId, since],
      'passkey_delete_since',
    );
    return rows.map(({ id }) => id);
  }

  /** @param userId null for a login, whose user is not known yet */
  async insertChallenge(
    sql: Sql,
    challengeHash: Bytes,
    purpose: PasskeyPurpose,
    userId: string | null,
    expiresAt: Date,
  ): Promise<void> {
    await sql.prisma.passkeyChallenge.createMany({ data: { challengeHash, purpose, userId, expiresAt } });
  }

  /** Consumes a challenge. @returns true for one of any concurrent calls; false when there is no such challenge */
  async useChallenge(hash: Bytes, purpose: PasskeyPurpose, userId: string | null, now: Date): Promise<boolean> {
    const { count } = await this.database.prisma.passkeyChallenge.deleteMany({
      where: { challengeHash: hash, purpose, userId, expiresAt: { gt: now } },
    });
    return count === 1;
  }

  async deleteChallengesOf(sql: Sql, userId: string): Promise<void> {
    await sql.prisma.passkeyChallenge.deleteMany({ where: { userId } });
  }

  async deleteDeadChallenges(now: Date): Promise<void> {
    await this.database.prisma.passkeyChallenge.deleteMany({ where: { expiresAt: { lt: now } } });
  }
}
