import type { Prisma } from '../../../generated/prisma/client.js';
import type { Client } from '../../../kernel/caller.js';
import { newId } from '../../../kernel/ids.js';
import { LOOK, notedSince, type Look } from '../../../kernel/since-last-look.js';
import type { Database, Sql } from '../../../ports/database.js';
import type { RefreshToken, Rotation } from './refresh-token.js';
import {
  MAX_LISTED_SESSIONS,
  type RevocationReason,
  type SessionRow,
  type SessionState,
  type UserState,
} from './session.js';

const SESSION = {
  id: true,
  userAgent: true,
  ipAddress: true,
  createdAt: true,
  lastUsedAt: true,
} as const satisfies Prisma.SessionSelect;

const USER_STATE = `u.id AS "userId", u.is_admin AS "isAdmin", u.plan, u.is_active AS "isActive",
  u.is_suspended AS "isSuspended", u.deleted_at IS NOT NULL AS "isDeleted"`;

/** Same expression as in the index, which PostgreSQL would not use otherwise. */
const FAMILY = 'COALESCE(s.family_hash, s.refresh_token_hash)';

const USER_MAY_ACT = 'u.deleted_at IS NULL AND u.is_active AND NOT u.is_suspended';

export interface NewSession {
  readonly userId: string;
  /**
   * The hash of the user's password when the user proved their identity: if it has changed since, no session is opened.
   */
  readonly passwordHash: string | null;
  /** The user's epoch at that time, for which the same holds. */
  readonly credentialsEpoch: number;
  readonly refreshToken: Pick<RefreshToken, 'hash' | 'familyHash'>;
  readonly userAgent: string | null;
  readonly ipAddress: string | null;
  readonly expiresAt: Date;
}

/** A session whose refresh token is exchanged for the next one. */
export interface SessionKey {
  readonly userId: string;
  readonly sessionId: string;
}

/** Called in the transaction that opens or ends a session, to record it. */
export type RecordSession = (sessionId: string, sql: Sql) => Promise<void>;

export interface NewRotation {
  readonly used: RefreshToken;
  readonly successor: RefreshToken;
  /** The salt from which the successor was derived. */
  readonly salt: Buffer;
  readonly expiresAt: Date;
}

/** The sessions that open streams belong to, and for internal calls, which have no session, the users. */
export interface Watched {
  readonly sessionIds: readonly string[];
  readonly userIds: readonly string[];
}

/** What transactions have noted that may have ended somebody's access. */
export interface NotedEnds extends Look {
  /** Ids of sessions, personal access tokens and users. All zeros stand for all of them. */
  readonly ids: readonly string[];
}

/** What has ended of {@link Watched}. */
export interface FoundEnds {
  readonly ids: readonly string[];
  /** When the first of the other sessions expires; null where there are none. */
  readonly nextExpiry: Date | null;
}

export class SessionsRepository {
  /** On the hot path: read at every request. */
  readonly findState: (sessionId: string) => Promise<SessionState | null>;
  readonly findUserState: (userId: string) => Promise<UserState | null>;

  constructor(private readonly database: Database) {
    // The users by their index even while they are few: a plan for any number of sessions would read the whole table.
    this.findState = database.sharedRead<SessionState & { readonly id: string }>(
      `SELECT s.id, ${USER_STATE}, s.expires_at AS "expiresAt", s.revocation_reason AS "revocationReason"
       FROM sessions s CROSS JOIN LATERAL (SELECT * FROM users WHERE id = s.user_id OFFSET 0) AS u
       WHERE s.id = ANY($1::uuid[])`,
      'session_states',
    );
    this.findUserState = database.sharedRead<UserState & { readonly id: string }>(
      `SELECT u.id, ${USER_STATE} FROM users u WHERE u.id = ANY($1::uuid[])`,
      'session_user_states',
    );
  }

  /**
   * Opens a session and updates the time of the user's last login. Writes the user's row first, so that a concurrent
   * suspension, deletion or change of password either ends this session as well or prevents it.
   * @returns null when the user may no longer log in, has another password, or was handed over to the mailbox's owner
   */
  insert(session: NewSession, now: Date, record: RecordSession): Promise<string | null> {
    return this.database.transaction(async (sql) => {
      const id = await insertSession(sql, session, now);
      if (id !== null) await record(id, sql);
      return id;
    });
  }

  /** The clients of the user's latest sessions, ended ones included. */
  recentClients(sql: Sql, userId: string, exceptId: string): Promise<readonly Client[]> {
    return sql.prisma.session.findMany({
      where: { userId, id: { not: exceptId } },
      orderBy: { id: 'desc' },
      take: MAX_LISTED_SESSIONS,
      select: { userAgent: true, ipAddress: true },
    });
  }

  /** Deletes the user's sessions that expired before this time. */
  async deleteExpired(userId: string, before: Date): Promise<void> {
    await this.database.prisma.session.deleteMany({ where: { userId, expiresAt: { lt: before } } });
  }

  /**
   * Replaces the used refresh token by its successor in a single statement, so that of concurrent calls only one
   * succeeds.
   * @returns null when that token is not the latest one of an active session of an enabled user
   */
  async rotate({ used, successor, salt, expiresAt }: NewRotation, now: Date): Promise<SessionKey | null> {
    const { rows } = await this.database.query<SessionKey>(
      `UPDATE sessions s SET family_hash = ${FAMILY}, previous_token_hash = s.refresh_token_hash, refresh_token_hash = $3,
         successor_salt = $4, rotated_at = $6, expires_at = $5, last_used_at = $6 FROM users u
       WHERE ${FAMILY} = $1 AND s.refresh_token_hash = $2 AND s.revoked_at IS NULL AND s.expires_at > $6
         AND u.id = s.user_id AND ${USER_MAY_ACT}
       RETURNING s.user_id AS "userId", s.id AS "sessionId"`,
      [used.familyHash, used.hash, successor.hash, salt, expiresAt, now],
      'session_rotate',
    );
    return rows[0] ?? null;
  }

  /**
   * The active session, of an enabled user, to which a refresh token belongs, whether it is the latest or an older one.
   */
  async findFamily({ familyHash }: RefreshToken, now: Date): Promise<(SessionKey & Rotation) | null> {
    const { rows } = await this.database.query<SessionKey & Rotation>(
      `SELECT s.user_id AS "userId", s.id AS "sessionId", s.previous_token_hash AS "previousTokenHash",
         s.successor_salt AS "successorSalt", s.rotated_at AS "rotatedAt"
       FROM sessions s JOIN users u ON u.id = s.user_id
       WHERE ${FAMILY} = $1 AND s.revoked_at IS NULL AND s.expires_at > $2 AND ${USER_MAY_ACT}`,
      [familyHash, now],
      'session_find_family',
    );
    return rows[0] ?? null;
  }

  /** The user's active sessions, newest first. */
  listLive(userId: string, now: Date): Promise<readonly SessionRow[]> {
    return this.database.prisma.session.findMany({
      where: { userId, ...liveAt(now) },
      orderBy: { id: 'desc' },
      take: MAX_LISTED_SESSIONS,
      select: SESSION,
    });
  }

  findLive(userId: string, id: string, now: Date): Promise<SessionRow | null> {
    return this.database.prisma.session.findFirst({ where: { id, userId, ...liveAt(now) }, select: SESSION });
  }

  async isLive(sql: Sql, userId: string, id: string, now: Date): Promise<boolean> {
    return (await sql.prisma.session.count({ where: { id, userId, ...liveAt(now) } })) > 0;
  }

  /**
   * @param record called in the same transaction, to record the end
   * @returns false when the user has no such active session
   */
  async end(
    { userId, sessionId }: SessionKey,
    reason: RevocationReason,
    now: Date,
    record: RecordSession,
  ): Promise<boolean> {
    return this.database.transaction(async (sql) => {
      const { count } = await sql.prisma.session.updateMany({
        where: { id: sessionId, userId, ...liveAt(now) },
        data: { revokedAt: now, revocationReason: reason },
      });
      if (count > 0) await record(sessionId, sql);
      return count > 0;
    });
  }

  /**
   * Ends the user's session to which this refresh token belongs, whether it is the latest or an older one.
   * @param record as for {@link end}
   */
  async endFamily(
    userId: string,
    { familyHash }: RefreshToken,
    reason: RevocationReason,
    now: Date,
    record: RecordSession,
  ): Promise<void> {
    await this.database.transaction(async (sql) => {
      const { rows } = await sql.query<{ id: string }>(
        `UPDATE sessions s SET revoked_at = $4, revocation_reason = $3::"RevocationReason"
         WHERE ${FAMILY} = $2 AND user_id = $1 AND revoked_at IS NULL AND expires_at > $4 RETURNING id`,
        [userId, familyHash, reason, now],
        'session_end_family',
      );
      for (const { id } of rows) await record(id, sql);
    });
  }

  async endAllOf(sql: Sql, userId: string, reason: RevocationReason, except: string | null, now: Date): Promise<void> {
    await sql.prisma.session.updateMany({
      where: { userId, revokedAt: null, ...(except === null ? {} : { id: { not: except } }) },
      data: { revokedAt: now, revocationReason: reason },
    });
  }

  /** Ends the user's active sessions. @returns how many there were */
  async endLiveOf(sql: Sql, userId: string, reason: RevocationReason, now: Date): Promise<number> {
    const { count } = await sql.prisma.session.updateMany({
      where: { userId, ...liveAt(now) },
      data: { revokedAt: now, revocationReason: reason },
    });
    return count;
  }

  /**
   * What has been noted of ends of access (a trigger does so in each transaction that may end one) by transactions that an earlier look
   * did not see.
   * @param mark that of the earlier look; null for none, of which nothing was seen
   * @param most more than that are not read
   */
  async endsSince(mark: string | null, most: number): Promise<NotedEnds> {
    const { rows } = await this.database.query<NotedEnds>(
      `SELECT ${LOOK}, ARRAY(
         SELECT id FROM access_ends WHERE ${notedSince('$1')} ORDER BY transaction_id LIMIT $2)::text[] AS ids`,
      [mark, most],
      'access_ends_since',
    );
    const [noted] = rows;
    if (noted === undefined) throw new Error('The database gave no mark');
    return noted;
  }

  /**
   * Forgets ends that every instance has seen.
   * @param mark that of a look of some minutes ago; null where there was none
   * @returns that of now
   */
  async sweepEnds(mark: string | null): Promise<string> {
    // Numbers that no transaction has had yet are those of a server that the rows were copied from.
    const { rows } = await this.database.query<{ mark: string }>(
      `WITH swept AS (
         DELETE FROM access_ends
         WHERE transaction_id < $1::bigint OR transaction_id >= pg_snapshot_xmax(pg_current_snapshot())::text::bigint)
       SELECT pg_snapshot_xmin(pg_current_snapshot())::text AS mark`,
      [mark],
    );
    return rows[0]?.mark ?? '0';
  }

  /** Finds those of the sessions that have ended, and those of the users who may no longer use the service. */
  async findEnded({ sessionIds, userIds }: Watched, now: Date): Promise<FoundEnds> {
    // One by one (LIMIT), since the tables are large.
    const { rows } = await this.database.query<FoundEnds>(
      `SELECT coalesce(array_agg(watched.id) FILTER (WHERE live.expires_at IS NULL), '{}')::text[] || ARRAY(
           SELECT watched.id FROM unnest($2::uuid[]) AS watched (id) WHERE NOT EXISTS (
             SELECT FROM users u WHERE u.id = watched.id AND ${USER_MAY_ACT}))::text[] AS ids,
         min(live.expires_at) AS "nextExpiry"
       FROM unnest($1::uuid[]) AS watched (id) LEFT JOIN LATERAL (
         SELECT s.expires_at FROM sessions s JOIN users u ON u.id = s.user_id
         WHERE s.id = watched.id AND s.revoked_at IS NULL AND s.expires_at > $3 AND ${USER_MAY_ACT} LIMIT 1
       ) AS live ON true`,
      [sessionIds, userIds, now],
      'session_find_ended',
    );
    return rows[0] ?? { ids: [], nextExpiry: null };
  }
}

function liveAt(now: Date) {
  return { revokedAt: null, expiresAt: { gt: now } } satisfies Prisma.SessionWhereInput;
}

async function insertSession(sql: Sql, session: NewSession, now: Date): Promise<string | null> {
  const { rows } = await sql.query<{ id: string }>(
    `WITH u AS (
         UPDATE users u SET last_login = $8 WHERE u.id = $2 AND u.password_hash IS NOT DISTINCT FROM $3
           AND u.credentials_epoch = $10 AND ${USER_MAY_ACT} RETURNING id
       )
       INSERT INTO sessions (id, user_id, refresh_token_hash, family_hash, user_agent, ip_address, expires_at, created_at,
         last_used_at)
       SELECT $1::uuid, u.id, $4::bytea, $9::bytea, $5::text, $6::text, $7::timestamptz, $8::timestamptz, $8::timestamptz
       FROM u
       RETURNING id`,
    [
      newId(),
      session.userId,
      session.passwordHash,
      session.refreshToken.hash,
      session.userAgent,
      session.ipAddress,
      session.expiresAt,
      now,
      session.refreshToken.familyHash,
      session.credentialsEpoch,
    ],
    'session_insert',
  );
  return rows[0]?.id ?? null;
}
