import { MAX_USER_AGENT_LENGTH, type Client, type Credentials } from '../../../kernel/caller.js';
import type { Clock } from '../../../kernel/clock.js';
import { MissingCredentials, NotFound } from '../../../kernel/errors.js';
import { isUuid } from '../../../kernel/ids.js';
import type { Viewer } from '../../../kernel/viewer.js';
import type { AuditAction, AuditEvent, AuditLog } from '../../../ports/audit-log.js';
import type { Sql } from '../../../ports/database.js';
import type { LoginRow } from '../accounts/user.js';
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

/** RFC 6750, section 2.1; the scheme is case-insensitive (RFC 9110, section 11.1). */
const BEARER = /^bearer +([A-Za-z0-9._~+/-]+=*)$/i;
const DAY_MS = 86_400_000;
/** Days that an expired session is kept: longer than any of its access tokens is valid. */
const KEPT_DAYS = 30;

export interface Tokens {
  readonly accessToken: string;
  readonly refreshToken: string;
  /** Seconds until the access token expires. */
  readonly expiresIn: number;
}

/** A session, as shown to its user. */
export interface ListedSession extends SessionRow {
  /** Whether it is the session of the current request. */
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
   * Authenticates a request. If there is an `Authorization` header, it alone decides and `X-User-ID` is ignored.
   * Otherwise `X-User-ID` counts if a trusted internal caller sent it.
   * @throws MissingCredentials; Unauthenticated `Invalid token`; NotFound for a deleted user; Forbidden
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
    // Accepts exactly one UUID: repeated headers arrive joined by a comma.
    if (!isUuid(header)) throw invalidToken();
    const state = await this.needs.repository.findUserState(header);
    if (state === null) throw new NotFound('User');
    requireEnabledUser(state);
    const { userId, isAdmin, plan } = state;
    return { userId, isAdmin, plan, sessionId: null, isInternal: true, client };
  }

  /**
   * Opens a session for a user who has just proved their identity.
   * @param user with the password hash of that time
   * @param details for the recorded event, in addition to the session's id
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
   * Exchanges a refresh token for new tokens of the same session. A token is valid once: of concurrent calls, one
   * exchanges it and the others get the same successor, as do later calls within ten seconds while the successor is
   * unused. After that, a second use means that the token was copied, and the session ends, whoever used it.
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
    // The sender may be the user or whoever copied the token.
    const event = { action: 'REFRESH_TOKEN_REUSED', actorId: null, subjectId: session.userId, client } as const;
    await this.needs.repository.end(session, 'REFRESH_TOKEN_REUSED', now, this.#recorder(event));
    this.recheckStreams();
    throw invalidToken();
  }

  /** Ends the request's session, and also the refresh token's session if it is the viewer's own. */
  async logout(viewer: Viewer, refreshToken: string | null): Promise<void> {
    const now = this.needs.clock.now();
    const token = refreshToken === null ? null : readRefreshToken(refreshToken);
    const { userId, sessionId } = viewer;
    const record = this.#recorder(eventBy(viewer, 'LOGOUT'));
    if (token !== null) await this.needs.repository.endFamily(userId, token, 'LOGOUT', now, record);
    if (sessionId !== null) await this.needs.repository.end({ userId, sessionId }, 'LOGOUT', now, record);
    this.recheckStreams();
  }

  /** The viewer's active sessions, newest first; at most 100. */
  async list(viewer: Viewer): Promise<readonly ListedSession[]> {
    const sessions = await this.needs.repository.listLive(viewer.userId, this.needs.clock.now());
    return sessions.map((session) => listed(viewer, session));
  }

  /** For the `node` field: one of the viewer's active sessions, or null. */
  async findVisible(viewer: Viewer, id: string): Promise<ListedSession | null> {
    const session = await this.needs.repository.findLive(viewer.userId, id, this.needs.clock.now());
    return session && listed(viewer, session);
  }

  /**
   * Ends one of the viewer's sessions.
   * @throws NotFound when it does not exist, is another user's, or has ended
   */
  async revoke(viewer: Viewer, id: string): Promise<void> {
    const session = { userId: viewer.userId, sessionId: id };
    const record = this.#recorder(eventBy(viewer, 'SESSION_REVOKED'));
    const wasLive = await this.needs.repository.end(session, 'REVOKED', this.needs.clock.now(), record);
    if (!wasLive) throw new NotFound('Session');
    this.recheckStreams();
  }

  /**
   * Ends every session of a user in the caller's transaction. The caller calls {@link recheckStreams} after the commit.
   * @param except id of a session that stays, or null
   */
  async endAllOf(sql: Sql, userId: string, reason: RevocationReason, except: string | null): Promise<void> {
    await this.needs.repository.endAllOf(sql, userId, reason, except, this.needs.clock.now());
  }

  /** Ends this instance's streams of ended sessions immediately instead of at the next poll. */
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
