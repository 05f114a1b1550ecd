import type { Clock } from '../../../kernel/clock.js';
import { Conflict, Forbidden, Invalid, NotFound } from '../../../kernel/errors.js';
import { sha256 } from '../../../kernel/token.js';
import type { TokenScope } from '../../../kernel/token-scopes.js';
import type { Viewer } from '../../../kernel/viewer.js';
import type { AuditLog } from '../../../ports/audit-log.js';
import type { Database } from '../../../ports/database.js';
import { eventOf } from '../accounts/account-events.js';
import type { AccountNotices, SecondFactorProof } from '../accounts/account-notices.js';
import type { AccountOwnership } from '../accounts/account-ownership.js';
import type { AdminAccountsService } from '../accounts/admin-accounts.service.js';
import type { FreshProof } from '../sessions/fresh-proof.js';
import type { SessionsService } from '../sessions/sessions.service.js';
import {
  DEFAULT_TOKEN_DAYS,
  KEPT_EXPIRED_DAYS,
  MAX_TOKEN_DAYS,
  MAX_TOKENS,
  type NewPersonalAccessToken,
  type PersonalAccessTokenRow,
} from './personal-access-token.js';
import type { PersonalTokensRepository } from './personal-tokens.repository.js';
import { newTokenText } from './token-text.js';

const DAY_MS = 86_400_000;

export interface TokenRequest {
  readonly name: string;
  readonly scopes: readonly TokenScope[];
  /** In {@link DEFAULT_TOKEN_DAYS} days by default. */
  readonly expiresAt?: Date | null | undefined;
  readonly password?: string | null | undefined;
  readonly code?: string | null | undefined;
}

export interface PersonalAccessTokensServiceNeeds {
  readonly database: Pick<Database, 'transaction'>;
  readonly repository: PersonalTokensRepository;
  readonly freshProof: Pick<FreshProof, 'require'>;
  readonly secondFactorProof: SecondFactorProof;
  readonly ownership: Pick<AccountOwnership, 'hold'>;
  readonly admins: Pick<AdminAccountsService, 'get'>;
  readonly sessions: Pick<SessionsService, 'recheckStreams'>;
  readonly notices: Pick<AccountNotices, 'notify'>;
  readonly audit: AuditLog;
  readonly clock: Clock;
}

/** Personal access tokens: what a user's scripts and integrations send in place of a login. */
export class PersonalAccessTokensService {
  constructor(private readonly needs: PersonalAccessTokensServiceNeeds) {}

  /** The viewer's own, newest first. */
  list(viewer: Viewer): Promise<readonly PersonalAccessTokenRow[]> {
    return this.needs.repository.list(viewer.userId);
  }

  /** For the `node` field: one of the viewer's own tokens, or null. */
  findVisible(viewer: Viewer, id: string): Promise<PersonalAccessTokenRow | null> {
    return this.needs.repository.find(viewer.userId, id);
  }

  /**
   * Makes a token for a user who has logged in, and proves once more to be the user: whoever found an access token of an hour
   * does not get one of a year for it.
   * @returns it with its text, which is not shown again
   * @throws Forbidden `Login required`; Invalid; Conflict `Too many access tokens`; as {@link FreshProof.require} and
   * SecondFactorProof.require; Unauthenticated when the session has meanwhile ended
   */
  async create(viewer: Viewer, request: TokenRequest): Promise<NewPersonalAccessToken> {
    if (viewer.sessionId === null) throw new Forbidden('Login required');
    const { userId } = viewer;
    const now = this.needs.clock.now();
    const expiresAt = request.expiresAt ?? new Date(now.getTime() + DEFAULT_TOKEN_DAYS * DAY_MS);
    if (expiresAt <= now || expiresAt.getTime() > now.getTime() + MAX_TOKEN_DAYS * DAY_MS) {
      const message = `must be in the future, and at most ${MAX_TOKEN_DAYS} days away`;
      throw new Invalid([{ field: 'input.expiresAt', message }]);
    }
    await this.needs.freshProof.require(viewer, request.password ?? null, 'input.password');
    await this.needs.secondFactorProof.require(viewer, request.code ?? null);
    const token = newTokenText();
    const row = {
      userId,
      name: request.name,
      scopes: [...new Set(request.scopes)],
      tokenHash: sha256(token),
      lastFour: token.slice(-4),
      createdAt: now,
      expiresAt,
    };
    const { repository, audit, notices } = this.needs;
    const made = await this.needs.ownership.hold(viewer, async (_user, { sql }) => {
      await repository.deleteExpired(sql, userId, new Date(now.getTime() - KEPT_EXPIRED_DAYS * DAY_MS));
      // The user's row is locked: of calls at once, no more succeed than there is room for.
      if ((await repository.count(sql, userId)) >= MAX_TOKENS) throw new Conflict('Too many access tokens');
      const inserted = await repository.insert(sql, row);
      const details = { tokenId: inserted.id, scopes: inserted.scopes, expiresAt: expiresAt.toISOString() };
      await audit.record(eventOf('ACCESS_TOKEN_CREATED', viewer, userId, details), sql);
      await notices.notify(sql, userId, 'ACCESS_TOKEN_CREATED', viewer);
      return inserted;
    });
    if (made === null) throw new NotFound('User');
    return { ...made, token };
  }

  /** @returns the token as it was. @throws NotFound when it does not exist, is another user's, or has ended */
  revoke(viewer: Viewer, id: string): Promise<PersonalAccessTokenRow> {
    return this.#revoke(viewer, viewer.userId, id);
  }

  /** A user's tokens, newest first. @throws Forbidden unless the viewer is an admin; NotFound */
  async listOf(viewer: Viewer, userId: string): Promise<readonly PersonalAccessTokenRow[]> {
    await this.needs.admins.get(viewer, userId);
    return this.needs.repository.list(userId);
  }

  /** Revokes a token of a user's. @throws Forbidden unless the viewer is an admin; NotFound */
  async revokeOf(viewer: Viewer, userId: string, id: string): Promise<PersonalAccessTokenRow> {
    await this.needs.admins.get(viewer, userId);
    return this.#revoke(viewer, userId, id);
  }

  async #revoke(viewer: Viewer, userId: string, id: string): Promise<PersonalAccessTokenRow> {
    const revoked = await this.needs.database.transaction(async (sql) => {
      const token = await this.needs.repository.delete(sql, userId, id);
      if (token === null) throw new NotFound('Access token');
      await this.needs.audit.record(eventOf('ACCESS_TOKEN_REVOKED', viewer, userId, { tokenId: id }), sql);
      return token;
    });
    this.needs.sessions.recheckStreams();
    return revoked;
  }
}
