import { PGlite, type PGliteOptions } from '@electric-sql/pglite';
import { pg_trgm } from '@electric-sql/pglite/contrib/pg_trgm';
import type pg from 'pg';
import type { Log } from '../../kernel/log.js';
import { StartupError } from '../../kernel/startup-error.js';
import { createClientPool } from './client-pool.js';
import { PgliteSocket } from './pglite-socket.js';
import { valueParsers } from './value-parsers.js';

/** Maximum wait for the one connection. Longer means that a transaction never released it, not that it is busy. */
const CONNECTION_WAIT_MS = 30_000;

const START_PARAMETERS = [
  ...PGlite.defaultStartParams,
  // The default of 128 MB would be allocated in this process at the start; for the intended sizes, 16 MB is as fast.
  '-c',
  'shared_buffers=16MB',
  // Crash recovery starts a timer for its progress log, which PGlite never stops: it would keep the process from exiting.
  '-c',
  'log_startup_progress_interval=0',
];

const MAX_ERROR_LINES = 5;

/**
 * Starts PGlite on `dataDir` (a folder, or `memory://`). To initialise an empty one takes some 2 s, otherwise it is 0.3 s.
 *
 * When COMMIT answers, the operating system has the transaction's writes, so they survive any end of this process.
 * PGlite cannot flush them to the disk (its `fsync` does nothing): a power failure may damage the database.
 *
 * @throws StartupError with PostgreSQL's log output
 */
export async function startPglite(dataDir: string, options: Pick<PGliteOptions, 'loadDataDir'> = {}): Promise<PGlite> {
  const lines: string[] = [];
  try {
    return await PGlite.create(dataDir, {
      ...options,
      // The extension that the migrations create. A folder whose database has it can only be opened with it.
      extensions: { pg_trgm },
      startParams: START_PARAMETERS,
      onStderr: (line) => {
        lines.push(line);
        if (lines.length > MAX_ERROR_LINES) lines.shift();
        return false;
      },
    });
  } catch (error) {
    throw new StartupError(`The embedded database cannot be opened. ${lines.join('\n')}`.trim(), {
      cause: error,
    });
  }
}

/** A `pg.Pool` of PGlite's single connection. Ending the pool leaves PGlite open. */
export function createPglitePool(pglite: PGlite, logger: Pick<Log, 'warn'>): pg.Pool {
  return createClientPool(
    {
      stream: () => new PgliteSocket(pglite),
      user: 'postgres',
      database: 'postgres',
      password: '',
      ssl: false,
      max: 1,
      idleTimeoutMillis: 0,
      connectionTimeoutMillis: CONNECTION_WAIT_MS,
      types: valueParsers,
    },
    logger,
  );
}
