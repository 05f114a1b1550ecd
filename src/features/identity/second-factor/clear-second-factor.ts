import type { AuditLog } from '../../../ports/audit-log.js';
import type { Database } from '../../../ports/database.js';
import type { ClearForOwner } from '../accounts/account-handover.js';
import { LoginChallengesRepository } from './login-challenges.repository.js';
import { removeSecondFactor } from './remove-second-factor.js';
import { SecondFactorRepository } from './second-factor.repository.js';

interface Stores {
  readonly database: Database;
  readonly audit: AuditLog;
}

/** Removes the second factor, its recovery codes, a started enrolment, and logins that wait for a code. */
export function clearSecondFactor({ database, audit }: Stores): ClearForOwner {
  const repository = new SecondFactorRepository(database);
  const challenges = new LoginChallengesRepository(database);
  return async (sql, userId, client, since) => {
    if (!(await repository.isOlder(sql, userId, since)))
      await removeSecondFactor({ repository, audit }, sql, { userId, isAdmin: false, sessionId: null, client }, userId);
    await challenges.deleteAllOf(sql, userId);
  };
}
