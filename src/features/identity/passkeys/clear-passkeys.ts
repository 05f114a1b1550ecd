import type { AuditLog } from '../../../ports/audit-log.js';
import type { Database } from '../../../ports/database.js';
import type { ClearForOwner } from '../accounts/account-handover.js';
import { PasskeysRepository } from './passkeys.repository.js';

interface Stores {
  readonly database: Database;
  readonly audit: AuditLog;
}

/** Removes every passkey, and registrations that have begun. */
export function clearPasskeys({ database, audit }: Stores): ClearForOwner {
  const repository = new PasskeysRepository(database);
  return async (sql, userId, client, since) => {
    await repository.deleteChallengesOf(sql, userId);
    const event = { action: 'PASSKEY_REMOVED', actorId: userId, subjectId: userId, client } as const;
    for (const passkeyId of await repository.deleteSince(sql, userId, since)) {
      await audit.record({ ...event, details: { passkeyId } }, sql);
    }
  };
}
