import type { AuditLog } from '../../../ports/audit-log.js';
import type { Sql } from '../../../ports/database.js';
import { eventOf } from '../accounts/account-events.js';
import type { AccountActor } from '../accounts/account-actor.js';
import type { SecondFactorRepository } from './second-factor.repository.js';

interface Stores {
  readonly repository: Pick<SecondFactorRepository, 'remove'>;
  readonly audit: AuditLog;
}

/** Disables a user's second factor. Callers check that the actor may do so. @returns whether it was enabled */
export async function removeSecondFactor(
  { repository, audit }: Stores,
  sql: Sql,
  actor: AccountActor,
  userId: string,
): Promise<boolean> {
  const wasEnabled = await repository.remove(sql, userId);
  if (wasEnabled) await audit.record(eventOf('SECOND_FACTOR_DISABLED', actor, userId), sql);
  return wasEnabled;
}
