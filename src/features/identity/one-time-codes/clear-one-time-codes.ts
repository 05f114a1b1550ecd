import type { Clock } from '../../../kernel/clock.js';
import type { Database } from '../../../ports/database.js';
import type { ClearForOwner } from '../accounts/account-handover.js';
import { OneTimeCodesRepository } from './one-time-codes.repository.js';

interface Stores {
  readonly database: Database;
  readonly clock: Clock;
}

/** Ends every code of the user, for whatever purpose. Tries still count. */
export function clearOneTimeCodes({ database, clock }: Stores): ClearForOwner {
  const repository = new OneTimeCodesRepository(database);
  return (sql, userId) => repository.endAllOf(sql, userId, clock.now());
}
