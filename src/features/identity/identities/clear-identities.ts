import type { AuditLog } from '../../../ports/audit-log.js';
import type { Database } from '../../../ports/database.js';
import type { ClearForOwner } from '../accounts/account-handover.js';
import { IdentitiesRepository } from './identities.repository.js';
import { unlinked } from './identity.js';
import { ProviderLoginsRepository } from './provider-logins.repository.js';

interface Stores {
  readonly database: Database;
  readonly audit: AuditLog;
}

/** Unlinks every provider, with the codes that await redemption, and drops links that have begun. */
export function clearIdentities({ database, audit }: Stores): ClearForOwner {
  const identities = new IdentitiesRepository(database);
  const logins = new ProviderLoginsRepository(database);
  return async (sql, userId, client, since) => {
    await logins.deleteLinksOf(sql, userId);
    for (const identity of await identities.deleteSince(sql, userId, since)) {
      await audit.record(unlinked(identity, userId, client), sql);
    }
  };
}
