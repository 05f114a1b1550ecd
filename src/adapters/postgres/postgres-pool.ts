import type pg from 'pg';
import type { Log } from '../../kernel/log.js';
import type { Tracing } from '../../ports/tracing.js';
import { createClientPool } from './client-pool.js';
import { valueParsers } from './value-parsers.js';

const CONNECT_MS = 5_000;
const STATEMENT_MS = 15_000;
const IDLE_IN_TRANSACTION_MS = 60_000;
/** Time limit for an answer. Longer than the server's own limit, so that only a server that vanished exceeds it. */
const ANSWER_MS = STATEMENT_MS + 5_000;
const KEEP_ALIVE_DELAY_MS = 10_000;

/** For any values, instead of for those of each call. */
export const PLAN_CACHE_MODE = 'force_generic_plan';

export interface PostgresPoolOptions {
  readonly url: string;
  readonly logger: Log;
  /** Maximum connections. */
  readonly size: number;
  /** False for migrations, which may take any time. */
  readonly limitStatements: boolean;
  readonly tracing?: Tracing | undefined;
  /** Replaces {@link ANSWER_MS}, in tests. */
  readonly answerMs?: number;
}

/**
 * The statements that set up a session. The time zone is UTC because Prisma's adapter assumes it. Plans are made once for each
 * statement (docs/decisions/0094-plans-are-made-once.md). They are not options in the start-up message, since poolers such as
 * PgBouncer refuse or drop those, and the URL may contain other options.
 */
function sessionSettings(limitStatements: boolean): string {
  return [
    `SET TIME ZONE 'UTC'`,
    ...(limitStatements ? [`SET statement_timeout = ${STATEMENT_MS}`] : []),
    `SET idle_in_transaction_session_timeout = ${IDLE_IN_TRANSACTION_MS}`,
    `SET plan_cache_mode = ${PLAN_CACHE_MODE}`,
  ].join('; ');
}

/**
 * A pool on a PostgreSQL server. It connects when it is first used, and reconnects by itself after the server was away.
 * A pooler that changes sessions between transactions may be in front: PgBouncer keeps each client's time zone, and the limits
 * are the same for all of this service's sessions.
 */
export function createPostgresPool({
  url,
  logger,
  size,
  limitStatements,
  tracing,
  answerMs = ANSWER_MS,
}: PostgresPoolOptions): pg.Pool {
  const settings = sessionSettings(limitStatements);
  return createClientPool(
    {
      application_name: 'flynkle-api',
      connectionString: url,
      max: size,
      connectionTimeoutMillis: CONNECT_MS,
      answerMs: limitStatements ? answerMs : undefined,
      keepAlive: true,
      keepAliveInitialDelayMillis: KEEP_ALIVE_DELAY_MS,
      types: valueParsers,
      verify: (client, done) => {
        client.query(settings).then(
          () => {
            done();
          },
          (error: unknown) => {
            done(Error.isError(error) ? error : new Error('the session could not be set up', { cause: error }));
          },
        );
      },
    },
    logger,
    tracing,
  );
}
