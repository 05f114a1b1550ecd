import { NotFound } from '../../../kernel/errors.js';
import { connectionOf, pageRequest, type Connection, type PageArguments } from '../../../kernel/page.js';
import type { AuditLog } from '../../../ports/audit-log.js';
import type { Database } from '../../../ports/database.js';
import type { AccountActor } from '../../identity/accounts/account-actor.js';
import { eventOf } from '../../identity/accounts/account-events.js';
import { requireAdmin } from '../../identity/accounts/accounts.policy.js';
import type { RunningRepliesRepository } from './running-replies.repository.js';
import type { RunningReplyRow, SeenRunningReply } from './running-reply.js';

export interface RunningRepliesServiceNeeds {
  readonly database: Pick<Database, 'transaction'>;
  readonly repository: RunningRepliesRepository;
  readonly audit: AuditLog;
  /** Whether a reply runs on this instance. */
  readonly isHere: (messageId: string) => boolean;
  /** Has a reply end that was asked to stop, and waits for it; without it, its instance looks for itself. */
  readonly end?: ((messageId: string) => Promise<void>) | undefined;
}

/** Replies that run, of all users, for those who look after the service. */
export class RunningRepliesService {
  constructor(private readonly needs: RunningRepliesServiceNeeds) {}

  /** Newest first; chats that store nothing are not among them. @throws Forbidden; Invalid */
  async list(actor: AccountActor, page: PageArguments): Promise<Connection<SeenRunningReply>> {
    requireAdmin(actor);
    const { repository } = this.needs;
    const { rows, ...rest } = await repository.page(pageRequest(page));
    return connectionOf({ ...rest, rows: rows.map((row) => this.#seen(row)) }, () => repository.count());
  }

  /**
   * Stops a reply, as its user could: what has come is kept, and charged. One that has ended stays as it is.
   * @param reason for the audit log alone
   * @throws Forbidden; NotFound
   */
  async stop(actor: AccountActor, messageId: string, reason: string | null): Promise<SeenRunningReply> {
    requireAdmin(actor);
    const { repository, database, audit, end } = this.needs;
    const { userId, conversationId, state } = await this.#find(messageId);
    if (state !== 'ENDED') {
      await database.transaction(async (sql) => {
        if (!(await repository.requestStop(sql, messageId))) return;
        const details = { messageId, conversationId, ...(reason === null ? {} : { reason }) };
        await audit.record(eventOf('REPLY_STOPPED', actor, userId, details), sql);
      });
      await end?.(messageId);
    }
    return this.#seen(await this.#find(messageId));
  }

  async #find(messageId: string): Promise<RunningReplyRow> {
    const reply = await this.needs.repository.find(messageId);
    if (reply === null) throw new NotFound('Reply');
    return reply;
  }

  #seen(reply: RunningReplyRow): SeenRunningReply {
    return { ...reply, isHere: this.needs.isHere(reply.id) };
  }
}
