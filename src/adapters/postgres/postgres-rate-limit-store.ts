import { createHash } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import type { Database } from '../../ports/database.js';
import type { RateLimitStore, RateLimitVerdict } from '../../ports/rate-limit-store.js';
import type { RateLimitRule } from '../../ports/rate-limiter.js';

/**
 * $1 rule, $2 identity, $3 window in milliseconds, $4 limit. One row per identity, which each call locks, so that concurrent
 * calls are counted one after another. One from the future, before the clock was set back, counts no more. Each call also deletes a few expired rows, which makes a cleanup job unnecessary.
 */
const TAKE = `
  WITH clock AS (SELECT clock_timestamp() AS now),
  over AS (
    SELECT rule, identity FROM rate_limits
    WHERE expires_at < (SELECT now FROM clock) AND NOT (rule = $1 AND identity = $2)
    ORDER BY expires_at LIMIT 2 FOR UPDATE SKIP LOCKED
  ),
  swept AS (DELETE FROM rate_limits r USING over WHERE r.rule = over.rule AND r.identity = over.identity),
  taken AS (
    INSERT INTO rate_limits AS present (rule, identity, calls, admitted, expires_at)
    SELECT $1, $2, CASE WHEN $4::int > 0 THEN ARRAY[now] ELSE '{}' END, $4::int > 0, now + $3::int * interval '1 ms'
    FROM clock
    ON CONFLICT (rule, identity) DO UPDATE SET (calls, admitted, expires_at) = (
      SELECT
        CASE WHEN count(*) < $4::int
          THEN coalesce(array_agg(call ORDER BY call), '{}') || clock_timestamp()
          ELSE array_agg(call ORDER BY call) END,
        count(*) < $4::int,
        clock_timestamp() + $3::int * interval '1 ms'
      FROM unnest(present.calls) AS call
      WHERE call > clock_timestamp() - $3::int * interval '1 ms' AND call <= clock_timestamp()
    )
    RETURNING calls, admitted
  )
  SELECT
    admitted,
    cardinality(calls) AS counted,
    ceil(extract(epoch FROM coalesce(calls[cardinality(calls) - $4::int + 1], clock_timestamp()) - clock_timestamp())
      * 1000 + $3::int)::int AS "retryAfterMs",
    ceil(extract(epoch FROM coalesce(calls[1], clock_timestamp()) - clock_timestamp()) * 1000 + $3::int)::int AS "resetMs"
  FROM taken`;

interface Taken {
  readonly admitted: boolean;
  readonly counted: number;
  readonly retryAfterMs: number;
  readonly resetMs: number;
}

/** Maximum remembered refusals, some 300 bytes each. */
const MAX_REFUSALS = 10_000;

interface Refusal {
  readonly before: number;
  /** Time on the clock of `performance.now()`. */
  readonly until: number;
}

/**
 * Counts calls in the database, for limits that must hold even without Redis. The database's clock decides.
 *
 * Refused calls are not counted, so a refusal is valid until the time that it names. Until then it is repeated from memory, so
 * that a flood of calls by one identity does not queue for one row.
 */
export class PostgresRateLimitStore implements RateLimitStore {
  readonly #database: Pick<Database, 'beside' | 'query'>;
  readonly #refusals = new LRUCache<string, Refusal>({ max: MAX_REFUSALS });

  constructor(database: Pick<Database, 'beside' | 'query'>) {
    this.#database = database;
  }

  /** @throws Unavailable when the database cannot be reached */
  async take({ name, limit, windowMs }: RateLimitRule, identity: string): Promise<RateLimitVerdict> {
    const hashed = createHash('sha256').update(identity).digest();
    const key = `${name} ${limit} ${windowMs} ${hashed.toString('base64')}`;
    const now = performance.now();
    const refusal = this.#refusals.get(key);
    if (refusal !== undefined && refusal.until > now) {
      const retryAfterMs = Math.ceil(refusal.until - now);
      return { before: refusal.before, retryAfterMs, resetMs: retryAfterMs };
    }
    const values = [name, hashed, windowMs, limit];
    const { rows } = await this.#database.beside(() => this.#database.query<Taken>(TAKE, values, 'rate_limit_take'));
    const [taken] = rows;
    if (taken === undefined) throw new Error('The rate limit statement returned no row');
    if (taken.admitted) return { before: taken.counted - 1, retryAfterMs: 0, resetMs: Math.max(1, taken.resetMs) };
    const retryAfterMs = Math.max(1, taken.retryAfterMs);
    // Counted from the start of the query, so that a refusal is forgotten too early rather than too late.
    this.#refusals.set(key, { before: taken.counted, until: now + retryAfterMs });
    return { before: taken.counted, retryAfterMs, resetMs: retryAfterMs };
  }

  /** Does nothing: the database is closed by its owner. */
  close(): Promise<void> {
    return Promise.resolve();
  }
}
