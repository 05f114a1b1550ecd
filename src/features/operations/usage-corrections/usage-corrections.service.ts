import { Conflict, Invalid } from '../../../kernel/errors.js';
import { timeOfId } from '../../../kernel/ids.js';
import { connectionOf, pageRequest, type Connection, type PageArguments } from '../../../kernel/page.js';
import type { AuditLog } from '../../../ports/audit-log.js';
import type { Database } from '../../../ports/database.js';
import type { UsageService } from '../../chat/usage/usage.service.js';
import type { AccountActor } from '../../identity/accounts/account-actor.js';
import { eventOf } from '../../identity/accounts/account-events.js';
import type { AdminAccountsService } from '../../identity/accounts/admin-accounts.service.js';
import type { CorrectionRequest, UsageCorrectionRow } from './usage-correction.js';
import type { UsageCorrectionsRepository } from './usage-corrections.repository.js';

export interface UsageCorrectionsServiceNeeds {
  readonly database: Pick<Database, 'transaction'>;
  readonly repository: UsageCorrectionsRepository;
  readonly usage: Pick<UsageService, 'correct'>;
  readonly admins: Pick<AdminAccountsService, 'get'>;
  readonly audit: AuditLog;
}

/** What admins change of what users have used of the day, and why. */
export class UsageCorrectionsService {
  constructor(private readonly needs: UsageCorrectionsServiceNeeds) {}

  /**
   * Changes the counts of today at once, and adds a line to the user's ledger.
   * @throws Forbidden; NotFound for the user; Invalid for a correction of nothing; Conflict when less was used than is given back,
   *   without what running replies hold
   */
  async correct(actor: AccountActor, userId: string, request: CorrectionRequest): Promise<UsageCorrectionRow> {
    await this.needs.admins.get(actor, userId);
    const { reason } = request;
    const figures = { messages: request.messages ?? 0, tokens: request.tokens ?? 0 };
    if (figures.messages === 0 && figures.tokens === 0)
      throw new Invalid([{ field: 'input.tokens', message: 'must not be 0 where messages are 0' }]);
    const { database, usage, repository, audit } = this.needs;
    return database.transaction(async (sql) => {
      const id = await usage.correct(sql, userId, figures);
      if (id === null) throw new Conflict('Less than that was used today');
      const row = { id, userId, adminId: actor.userId, ...figures, reason, createdAt: timeOfId(id) };
      await repository.insert(sql, row);
      await audit.record(eventOf('USAGE_CORRECTED', actor, userId, { entryId: id, ...figures, reason }), sql);
      return row;
    });
  }

  /** Newest first. @throws Forbidden; NotFound for the user; Invalid */
  async list(actor: AccountActor, userId: string, page: PageArguments): Promise<Connection<UsageCorrectionRow>> {
    await this.needs.admins.get(actor, userId);
    const { repository } = this.needs;
    return connectionOf(await repository.page(userId, pageRequest(page)), () => repository.count(userId));
  }
}
