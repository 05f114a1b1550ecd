import type pg from 'pg';
import type { Log } from '../../kernel/log.js';
import { createPostgresPool } from './postgres-pool.js';

/** After which a statement ends that nobody waits for. */
const LIMIT_MS = 10 * 60_000;

/** How long a statement may take to end once it was cancelled. */
const PATIENCE_MS = 500;

interface Means {
  readonly url: string;
  readonly logger: Log;
  /** What ends the statement, by another connection. */
  readonly pool: Pick<pg.Pool, 'query'>;
  readonly signal: AbortSignal;
}

/**
 * Runs a statement that may take minutes on a connection of its own, so that it takes no place among those of requests, nor their time
 * limit. Ends it once `signal` aborts, and rejects then: PostgreSQL would go on with it after the connection is gone.
 */
export async function runLongStatement(statement: string, { url, logger, pool, signal }: Means): Promise<void> {
  const apart = createPostgresPool({ url, logger, size: 1, limitStatements: false });
  try {
    const client = await apart.connect();
    let cancelled: Promise<unknown> = Promise.resolve();
    let patience: NodeJS.Timeout | undefined;
    try {
      // A transaction, since a pooler may give the next one to another process of the server.
      await client.query(`BEGIN; SET LOCAL statement_timeout = ${LIMIT_MS}`);
      const { rows } = await client.query<{ pid: number }>('SELECT pg_backend_pid() AS pid');
      signal.throwIfAborted();
      const cancel = () => {
        // Where nothing is heard of its end, the connection is cut, so that nobody waits for it.
        const isCut = Promise.withResolvers<undefined>();
        const cut = () => {
          void client.end();
          isCut.resolve(undefined);
        };
        patience = setTimeout(cut, PATIENCE_MS);
        const asked = pool.query('SELECT pg_cancel_backend($1)', [rows[0]?.pid]).catch(cut);
        cancelled = Promise.race([asked, isCut.promise]);
      };
      signal.addEventListener('abort', cancel, { once: true });
      try {
        await client.query(statement);
      } finally {
        signal.removeEventListener('abort', cancel);
        // Before the transaction ends: later, a pooler may have given its process to others.
        await cancelled;
      }
      await client.query('COMMIT');
    } finally {
      clearTimeout(patience);
      client.release(true);
    }
  } finally {
    await apart.end();
  }
}
