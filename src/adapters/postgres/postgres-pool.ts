import type pg from 'pg';
import type { Log } from '../../kernel/log.js';
import { createClientPool } from './client-pool.js';
import { valueParsers } from './value-parsers.js';

const CONNECT_MS = 5_000;
const STATEMENT_MS = 15_000;
const IDLE_IN_TRANSACTION_MS = 60_000;
/** Beyond the server's own limit: only a server that went away without a word gets this far. */
const ANSWER_MS = STATEMENT_MS + 5_000;
const KEEP_ALIVE_DELAY_MS = 10_000;

export interface PostgresPoolOptions {
  readonly url: string;
  readonly logger: Log;
  /** Connections at most. */
  readonly size: number;
  /** False for migrations, which take as long as they take. */
  readonly limitStatements: boolean;
}

/**
 * Prisma's adapter reads and writes times as if the session were in UTC. These are statements, not options in the
 * connection's start-up message, since a pooler such as PgBouncer refuses or drops those, and the URL may hold others.
 */
function sessionSettings(limitStatements: boolean): string {
  return [
    `SET TIME ZONE 'UTC'`,
    ...(limitStatements ? [`SET statement_timeout = ${STATEMENT_MS}`] : []),
    `SET idle_in_transaction_session_timeout = ${IDLE_IN_TRANSACTION_MS}`,
  ].join('; ');
}

/**
 * A pool on a PostgreSQL server. It connects when first used, and connects anew by itself after the server was away.
 * A PgBouncer in between that pools by transaction must be 1.21 or later: earlier ones mix up named statements.
 */
export function createPostgresPool({ url, logger, size, limitStatements }: PostgresPoolOptions): pg.Pool {
  const settings = sessionSettings(limitStatements);
  return createClientPool(
    {
      application_name: 'flynkle-api',
      connectionString: url,
      max: size,
      connectionTimeoutMillis: CONNECT_MS,
      ...(limitStatements ? { query_timeout: ANSWER_MS } : {}),
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
  );
}
