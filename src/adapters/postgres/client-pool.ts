import pg from 'pg';
import type { Log } from '../../kernel/log.js';
import { describeFailure } from './connection-failure.js';

/**
 * A client whose `error` event always has a listener: without one, a connection that breaks ends the process. The pool listens
 * only while the client is idle: not while it connects, is set up, or is lent. The listener has nothing to do, since `pg` fails
 * every statement of a broken connection, and the pool drops a broken client on release.
 */
class GuardedClient extends pg.Client {
  constructor(config?: string | pg.ClientConfig) {
    super(config);
    this.on('error', () => undefined);
  }
}

/** A pool that survives the loss of its connections, idle or in use. Every pool of this process is made here. */
export function createClientPool(config: pg.PoolConfig, logger: Pick<Log, 'warn'>): pg.Pool {
  const pool = new pg.Pool({ ...config, Client: GuardedClient });
  // When the connection of an idle client breaks (the server restarted), the pool drops the client and emits its error.
  pool.on('error', (error) => {
    logger.warn({ reason: describeFailure(error) }, 'An idle database connection was lost');
  });
  return pool;
}
