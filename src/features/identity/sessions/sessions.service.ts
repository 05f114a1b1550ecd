import { MAX_USER_AGENT_LENGTH, type Client, type Credentials } from '../../../kernel/caller.js';
import type { Clock } from '../../../kernel/clock.js';
import { MissingCredentials, NotFound } from '../../../kernel/errors.js';
import { isUuid } from '../../../kernel/ids.js';
import type { Viewer } from '../../../kernel/viewer.js';
import type { Sql } from '../../../ports/database.js';
import type { LoginRow } from '../accounts/user.js';
import type { AuditAction, AuditEvent } from '../../../ports/audit-log.js';
import type { AuditLog } from '../../../ports/audit-log.js';
import type { AccessTokens } from './access-tokens.js';
import type { InternalCallers } from './internal-callers.js';
import {
  newRefreshToken,
  newSuccessorSalt,
  readRefreshToken,
  repeatedSuccessor,
  successorOf,
  type RefreshToken,
} from './refresh-token.js';
import {
  invalidToken,
  requireEnabledUser,
  requireLiveSession,
  type RevocationReason,
  type SessionRow,
} from './session.js';
import type { SessionWatch } from './session-watch.js';
import type { RecordSession, SessionsRepository } from './sessions.repository.js';

/** RFC 6750, section 2.1, the scheme in any case (RFC 9110, section 11.1). */
const BEARER = /^bearer +([A-Za-z0-9._~+/-]+=*)$/i;
const DAY_MS = 86_400_000;
/** How long a session that is over is remembered: longer than any access token of it is good for. */
const KEPT_DAYS = 30;

export interface Tokens {
  readonly accessToken: string;
  readonly refreshToken: string;
  /** Seconds until the access token expires. */
  readonly expiresIn: number;
}

/** A session as its user sees it. */
export interface ListedSession extends SessionRow {
  /** Whether it is the session of the request itself. */
  readonly isCurrent: boolean;
}

export interface SessionsServiceNeeds {
  readonly repository: SessionsRepository;
  readonly audit: AuditLog;
  readonly tokens: AccessTokens;
  readonly internalCallers: InternalCallers;
  readonly watch: Pick<SessionWatch, 'recheck'>;
  readonly refreshTokenDays: number;
  readonly clock: Clock;
}

export class SessionsService {
  constructor(private readonly needs: SessionsServiceNeeds) {}

  /**
   * Finds out who is asking. An `Authorization` header decides alone, whatever `X-User-ID` says beside it; that one counts
   * for nothing unless a trusted internal caller sent it.
   * @throws MissingCredentials; Unauthenticated `Invalid token`; NotFound for a user who is gone; Forbidden
   * `Account disabled`
   */
  async authenticate(credentials: Credentials, client: Client): Promise<Viewer> {
    if (credentials.authorization) return this.#bearerOf(credentials.authorization, client);
    if (credentials.userId !== null && this.needs.internalCallers.trusts(credentials)) {
      return this.#internalViewer(credentials.userId, client);
    }
    throw new MissingCredentials();
  }

  async #bearerOf(authorization: string, client: Client): Promise<Viewer> {
    const token = BEARER.exec(authorization)?.[1];
    const subject = token === undefined ? null : await this.needs.tokens.verify(token);
    if (subject === null) throw invalidToken();
    const state = await this.needs.repository.findState(subject.sessionId);
    if (state?.userId !== subject.userId) throw invalidToken();
    requireLiveSession(state, this.needs.clock.now());
    return {
      userId: state.userId,
      isAdmin: state.isAdmin,
      plan: state.plan,
      sessionId: subject.sessionId,
      isInternal: false,
      client,
      expiresAt: subject.expiresAt,
    };
  }

  async #internalViewer(header: string, client: Client): Promise<Viewer> {
    // Strictly one UUID: headers sent twice arrive joined by a comma.
    if (!isUuid(header)) throw invalidToken();
    const state = await this.needs.repository.findUserState(header);
    if (state === null) throw new NotFound('User');
    requireEnabledUser(state);
    const { userId, isAdmin, plan } = state;
    return { userId, isAdmin, plan, sessionId: null, isInternal: true, client };
  }

  /**
   * Opens a session for a user who has just proved who they are.
   * @param user with the hash of the password that they had then
   * @param details of the event that is recorded, beside the session's id
   * @returns null when the account or the password has changed since
   */
  async open(
    user: Pick<LoginRow, 'id' | 'passwordHash'>,
    client: Client,
    details: AuditEvent['details'],
  ): Promise<Tokens | null> {
    const now = this.needs.clock.now();
    const refresh = newRefreshToken();
    const sessionId = await this.needs.repository.insert(
      {
        userId: user.id,
        passwordHash: user.passwordHash,
        refreshToken: refresh,
        userAgent: client.userAgent?.slice(0, MAX_USER_AGENT_LENGTH) ?? null,
        ipAddress: client.ipAddress,
        expiresAt: this.#refreshExpiry(now),
      },
      now,
      this.#recorder({ action: 'LOGIN', actorId: user.id, subjectId: user.id, client, details }),
    );
    if (sessionId === null) return null;
    await this.needs.repository.deleteExpired(user.id, new Date(now.getTime() - KEPT_DAYS * DAY_MS));
    return this.#issue({ userId: user.id, sessionId }, refresh.token);
  }

  /**
   * Trades a refresh token for new tokens of the same session. It is good once: of any number of calls at once, one trades
   * it, and the others get the same successor. So do later ones for ten seconds, as long as the successor is not used. Later
   * still somebody has a token that they should not have, and the session ends, whoever that is.
   * @throws Unauthenticated `Invalid token`
   */
  async refresh(refreshToken: string, client: Client): Promise<Tokens> {
    const now = this.needs.clock.now();
    const used = readRefreshToken(refreshToken);
    if (used === null) throw invalidToken();
    const salt = newSuccessorSalt();
    const successor = successorOf(used, salt);
    const rotation = { used, successor, salt, expiresAt: this.#refreshExpiry(now) };
    const session = await this.needs.repository.rotate(rotation, now);
    return session === null ? this.#refreshAgain(used, now, client) : this.#issue(session, successor.token);
  }

  async #refreshAgain(used: RefreshToken, now: Date, client: Client): Promise<Tokens> {
    const session = await this.needs.repository.findFamily(used, now);
    if (session === null) throw invalidToken();
    const successor = repeatedSuccessor(used, session, now);
    if (successor !== null) return this.#issue(session, successor.token);
    // Who sent it is not known: the user, or whoever has a copy.
    const event = { action: 'REFRESH_TOKEN_REUSED', actorId: null, subjectId: session.userId, client } as const;
    await this.needs.repository.end(session, 'REFRESH_TOKEN_REUSED', now, this.#recorder(event));
    this.recheckStreams();
    throw invalidToken();
  }

  /** Ends the session of the request, and the one of the refresh token if that is the viewer's own too. */
  async logout(viewer: Viewer, refreshToken: string | null): Promise<void> {
    const now = this.needs.clock.now();
    const token = refreshToken === null ? null : readRefreshToken(refreshToken);
    const { userId, sessionId } = viewer;
    const record = this.#recorder(eventBy(viewer, 'LOGOUT'));
    if (token !== null) await this.needs.repository.endFamily(userId, token, 'LOGOUT', now, record);
    if (sessionId !== null) await this.needs.repository.end({ userId, sessionId }, 'LOGOUT', now, record);
    this.recheckStreams();
  }

  /** The viewer's live sessions, newest first; at most 100. */
  async list(viewer: Viewer): Promise<readonly ListedSession[]> {
    const sessions = await this.needs.repository.listLive(viewer.userId, this.needs.clock.now());
    return sessions.map((session) => listed(viewer, session));
  }

  /** What `node` finds: one of the viewer's live sessions, or null. */
  async findVisible(viewer: Viewer, id: string): Promise<ListedSession | null> {
    const session = await this.needs.repository.findLive(viewer.userId, id, this.needs.clock.now());
    return session && listed(viewer, session);
  }

  /**
   * Ends one of the viewer's sessions.
   * @throws NotFound when it is another's or has ended
   */
  async revoke(viewer: Viewer, id: string): Promise<void> {
    const session = { userId: viewer.userId, sessionId: id };
    const record = this.#recorder(eventBy(viewer, 'SESSION_REVOKED'));
    const wasLive = await this.needs.repository.end(session, 'REVOKED', this.needs.clock.now(), record);
    if (!wasLive) throw new NotFound('Session');
    this.recheckStreams();
  }

  /**
   * Ends every session of a user, in the caller's transaction, which calls {@link recheckStreams} when it has committed.
   * @param except a session that goes on, or null
   */
  async endAllOf(sql: Sql, userId: string, reason: RevocationReason, except: string | null): Promise<void> {
    await this.needs.repository.endAllOf(sql, userId, reason, except, this.needs.clock.now());
  }

  /** Lets the streams of this instance that belong to ended sessions end now rather than at the next look. */
  recheckStreams(): void {
    this.needs.watch.recheck();
  }

  #recorder(event: AuditEvent): RecordSession {
    return (sessionId, sql) => this.needs.audit.record({ ...event, details: { ...event.details, sessionId } }, sql);
  }

  #refreshExpiry(now: Date): Date {
    return new Date(now.getTime() + this.needs.refreshTokenDays * DAY_MS);
  }

  async #issue(subject: { userId: string; sessionId: string }, refreshToken: string): Promise<Tokens> {
    const accessToken = await this.needs.tokens.issue(subject);
    return { accessToken, refreshToken, expiresIn: this.needs.tokens.lifetimeSeconds };
  }
}

function eventBy({ userId, client }: Viewer, action: AuditAction): AuditEvent {
  return { action, actorId: userId, subjectId: userId, client };
}

function listed(viewer: Viewer, session: SessionRow): ListedSession {
  return { ...session, isCurrent: session.id === viewer.sessionId };
}
