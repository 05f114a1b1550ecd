import pg from 'pg';
import type { Log } from '../../kernel/log.js';
import type { Tracing } from '../../ports/tracing.js';
import { describeFailure } from './connection-failure.js';
import { GuardedClient, type GuardedConfig } from './guarded-client.js';
import { tracedPool } from './traced-pool.js';

/**
 * A pool that survives the loss of its connections, idle or in use. Every pool of this process is made here.
 * @param tracing is told of each statement
 */
export function createClientPool(
  config: pg.PoolConfig & GuardedConfig,
  logger: Pick<Log, 'warn'>,
  tracing?: Tracing,
): pg.Pool {
  const pool = tracing === undefined ? new pg.Pool({ ...config, Client: GuardedClient }) : tracedPool(config, tracing);
  // When the connection of an idle client breaks (the server restarted), the pool drops the client and emits its error.
  pool.on('error', (error) => {
    logger.warn({ reason: describeFailure(error) }, 'An idle database connection was lost');
  });
  return pool;
}
