import { MAX_USER_AGENT_LENGTH, type Client, type Credentials } from '../../../kernel/caller.js';
import type { Clock } from '../../../kernel/clock.js';
import { MissingCredentials, NotFound } from '../../../kernel/errors.js';
import { isUuid } from '../../../kernel/ids.js';
import type { Viewer } from '../../../kernel/viewer.js';
import type { AuditAction, AuditEvent, AuditLog } from '../../../ports/audit-log.js';
import type { Sql } from '../../../ports/database.js';
import type { LoginRow } from '../accounts/user.js';
import type { AccessTokens, AccessTokenSubject } from './access-tokens.js';
import { isNewDevice } from './device.js';
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
  type SessionState,
  type UserState,
} from './session.js';
import { TICKET_SECONDS, type StreamTickets } from './stream-tickets.js';
import type { SessionWatch } from './session-watch.js';
import type { TokenHolders } from './token-holders.js';
import type { RecordSession, SessionKey, SessionsRepository } from './sessions.repository.js';

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

export interface StreamTicket {
  readonly ticket: string;
  /** Seconds until the ticket expires. */
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
  readonly tickets: StreamTickets;
  readonly personalTokens: TokenHolders;
  readonly internalCallers: InternalCallers;
  readonly watch: Pick<SessionWatch, 'recheck'>;
  readonly refreshTokenDays: number;
  readonly clock: Clock;
}

export class SessionsService {
  constructor(private readonly needs: SessionsServiceNeeds) {}

  /**
   * Authenticates a request. If there is an `Authorization` header, it alone decides and `X-User-ID` is ignored.
   * Otherwise a ticket does, on the one route that takes it. Otherwise `X-User-ID` counts if a trusted internal caller sent it.
   * @throws MissingCredentials; Unauthenticated `Invalid token`; NotFound for a deleted user; Forbidden
   * `Account disabled`
   */
  async authenticate(credentials: Credentials, client: Client): Promise<Viewer> {
    if (credentials.authorization) return this.#bearerOf(credentials.authorization, client);
    if (credentials.ticket !== undefined) return this.#ticketHolder(credentials.ticket, client);
    if (credentials.userId !== null && this.needs.internalCallers.trusts(credentials)) {
      return this.#internalViewer(credentials.userId, client);
    }
    throw new MissingCredentials();
  }

  async #bearerOf(authorization: string, client: Client): Promise<Viewer> {
    const token = BEARER.exec(authorization)?.[1];
    if (token !== undefined && this.needs.personalTokens.looksPersonal(token)) return this.#tokenHolder(token, client);
    const subject = token === undefined ? null : await this.needs.tokens.verify(token);
    if (subject === null) throw invalidToken();
    const { isAdmin, plan } = await this.#liveState(subject);
    return { ...subject, isAdmin, plan, isInternal: false, client };
  }

  async #tokenHolder(text: string, client: Client): Promise<Viewer> {
    const state = await this.needs.personalTokens.verify(text);
    if (state === null) throw invalidToken();
    requireEnabledUser(state);
    await this.needs.personalTokens.markUsed(state);
    const { userId, plan, expiresAt, tokenId, scopes } = state;
    // Never as an admin: what an admin may do needs a login.
    const grant = { isAdmin: false, sessionId: null, token: { id: tokenId, scopes } };
    return { userId, plan, expiresAt, isInternal: false, client, ...grant };
  }

  async #ticketHolder({ text, messageId }: NonNullable<Credentials['ticket']>, client: Client): Promise<Viewer> {
    const subject = await this.needs.tickets.verify(text);
    if (subject?.messageId !== messageId.toLowerCase()) throw invalidToken();
    const { userId, sessionId, expiresAt } = subject;
    const { plan } =
      sessionId === null ? await this.#enabledUser(userId) : await this.#liveState({ userId, sessionId });
    // Never as an admin: a ticket lets its user read a reply of theirs, and nothing else.
    return { userId, sessionId, expiresAt, isAdmin: false, plan, isInternal: false, client };
  }

  async #liveState({ userId, sessionId }: AccessTokenSubject): Promise<SessionState> {
    const state = await this.needs.repository.findState(sessionId);
    if (state?.userId !== userId) throw invalidToken();
    requireLiveSession(state, this.needs.clock.now());
    return state;
  }

  async #internalViewer(header: string, client: Client): Promise<Viewer> {
    // Accepts exactly one UUID: repeated headers arrive joined by a comma.
    if (!isUuid(header)) throw invalidToken();
    const { userId, isAdmin, plan } = await this.#enabledUser(header);
    return { userId, isAdmin, plan, sessionId: null, isInternal: true, client };
  }

  async #enabledUser(userId: string): Promise<UserState> {
    const state = await this.needs.repository.findUserState(userId);
    if (state === null) throw new NotFound('User');
    requireEnabledUser(state);
    return state;
  }

  /** A ticket that lets whoever has it read one reply of the viewer's, for as long as the viewer's session lives. */
  async issueStreamTicket({ userId, sessionId }: Viewer, messageId: string): Promise<StreamTicket> {
    const ticket = await this.needs.tickets.issue({ userId, sessionId, messageId: messageId.toLowerCase() });
    return { ticket, expiresIn: TICKET_SECONDS };
  }

  /**
   * Opens a session for a user who has just proved their identity.
   * @param user with the password hash and the epoch of that time
   * @param details for the recorded event, in addition to the session's id
   * @param onNewDevice runs in the transaction when the user has earlier sessions, and none from such a device
   * @returns null when the account or the password has changed since
   */
  async open(
    user: Pick<LoginRow, 'id' | 'passwordHash' | 'credentialsEpoch'>,
    client: Client,
    details: AuditEvent['details'],
    onNewDevice?: (sql: Sql) => Promise<void>,
  ): Promise<Tokens | null> {
    const now = this.needs.clock.now();
    const refresh = newRefreshToken();
    const record = this.#recorder({ action: 'LOGIN', actorId: user.id, subjectId: user.id, client, details });
    const sessionId = await this.needs.repository.insert(
      {
        userId: user.id,
        passwordHash: user.passwordHash,
        credentialsEpoch: user.credentialsEpoch,
        refreshToken: refresh,
        userAgent: client.userAgent?.slice(0, MAX_USER_AGENT_LENGTH) ?? null,
        ipAddress: client.ipAddress,
        expiresAt: this.#refreshExpiry(now),
      },
      now,
      async (id, sql) => {
        await record(id, sql);
        const earlier = await this.needs.repository.recentClients(sql, user.id, id);
        if (isNewDevice(client, earlier)) await onNewDevice?.(sql);
      },
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
  list(viewer: Viewer): Promise<readonly ListedSession[]> {
    return this.listOf(viewer, viewer.userId);
  }

  /** A user's active sessions, likewise, for a viewer who may see them. */
  async listOf(viewer: Pick<Viewer, 'sessionId'>, userId: string): Promise<readonly ListedSession[]> {
    const sessions = await this.needs.repository.listLive(userId, this.needs.clock.now());
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
    const wasLive = await this.endOf(session, this.#recorder(eventBy(viewer, 'SESSION_REVOKED')));
    if (!wasLive) throw new NotFound('Session');
  }

  /** Ends a session of a user's. @returns false when the user has no such active session */
  async endOf(session: SessionKey, record: RecordSession): Promise<boolean> {
    const wasLive = await this.needs.repository.end(session, 'REVOKED', this.needs.clock.now(), record);
    if (wasLive) this.recheckStreams();
    return wasLive;
  }

  /**
   * Ends every active session of a user in the caller's transaction, and no personal access token. The caller calls
   * {@link recheckStreams} after the commit.
   * @returns how many there were
   */
  endSessionsOf(sql: Sql, userId: string): Promise<number> {
    return this.needs.repository.endLiveOf(sql, userId, 'REVOKED', this.needs.clock.now());
  }

  /**
   * Ends every session and every personal access token of a user in the caller's transaction. The caller calls {@link recheckStreams} after the commit.
   * @param except id of a session that stays, or null
   */
  async endAllOf(sql: Sql, userId: string, reason: RevocationReason, except: string | null): Promise<void> {
    await this.needs.repository.endAllOf(sql, userId, reason, except, this.needs.clock.now());
    await this.needs.personalTokens.endAllOf(sql, userId);
  }

  /** Whether the user has this session and it has not ended, in the caller's transaction. */
  isLive(sql: Sql, userId: string, sessionId: string): Promise<boolean> {
    return this.needs.repository.isLive(sql, userId, sessionId, this.needs.clock.now());
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

function listed(viewer: Pick<Viewer, 'sessionId'>, session: SessionRow): ListedSession {
  return { ...session, isCurrent: session.id === viewer.sessionId };
}
