import { NotFound } from '../../../kernel/errors.js';
import type { AuditLog } from '../../../ports/audit-log.js';
import type { Database } from '../../../ports/database.js';
import type { AccountActor } from '../accounts/account-actor.js';
import { eventOf } from '../accounts/account-events.js';
import type { AdminAccountsService } from '../accounts/admin-accounts.service.js';
import type { ListedSession, SessionsService } from '../sessions/sessions.service.js';

/** What became of a user's sessions. */
export interface EndedSessions {
  /** How many were live, and have ended. */
  readonly ended: number;
}

export interface UserSessionsServiceNeeds {
  readonly database: Pick<Database, 'transaction'>;
  readonly admins: Pick<AdminAccountsService, 'get'>;
  readonly sessions: Pick<SessionsService, 'endOf' | 'endSessionsOf' | 'listOf' | 'recheckStreams'>;
  readonly audit: AuditLog;
}

/** Where users are logged in, for admins. Their personal access tokens are no sessions, and stay. */
export class UserSessionsService {
  constructor(private readonly needs: UserSessionsServiceNeeds) {}

  /** A user's live sessions, newest first; at most 100. @throws Forbidden; NotFound */
  async list(actor: AccountActor, userId: string): Promise<readonly ListedSession[]> {
    await this.needs.admins.get(actor, userId);
    return this.needs.sessions.listOf(actor, userId);
  }

  /** Ends a session of a user's, and what is open in it, on every instance. @throws Forbidden; NotFound */
  async revoke(actor: AccountActor, userId: string, sessionId: string): Promise<void> {
    await this.needs.admins.get(actor, userId);
    const wasLive = await this.needs.sessions.endOf({ userId, sessionId }, (id, sql) =>
      this.needs.audit.record(eventOf('SESSION_REVOKED', actor, userId, { sessionId: id }), sql),
    );
    if (!wasLive) throw new NotFound('Session');
  }

  /** Ends all sessions of a user likewise. @throws Forbidden; NotFound for the user */
  async revokeAll(actor: AccountActor, userId: string): Promise<EndedSessions> {
    await this.needs.admins.get(actor, userId);
    const ended = await this.needs.database.transaction(async (sql) => {
      const count = await this.needs.sessions.endSessionsOf(sql, userId);
      if (count > 0) await this.needs.audit.record(eventOf('SESSION_REVOKED', actor, userId, { sessions: count }), sql);
      return count;
    });
    this.needs.sessions.recheckStreams();
    return { ended };
  }
}
