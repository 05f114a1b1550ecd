import { PGlite, type PGliteOptions } from '@electric-sql/pglite';
import { pg_trgm } from '@electric-sql/pglite/contrib/pg_trgm';
import type pg from 'pg';
import type { Log } from '../../kernel/log.js';
import { StartupError } from '../../kernel/startup-error.js';
import { createClientPool } from './client-pool.js';
import { PgliteSocket } from './pglite-socket.js';
import { valueParsers } from './value-parsers.js';

/** Callers wait for the one connection; this long means that it is lost in a transaction, not that it is busy. */
const CONNECTION_WAIT_MS = 30_000;

const START_PARAMETERS = [
  ...PGlite.defaultStartParams,
  // The default of 128 MB is taken at once, inside this process; at the sizes that this is meant for, 16 MB does as well.
  '-c',
  'shared_buffers=16MB',
  // Recovery after a crash sets a timer for its progress log, which nothing stops here: it keeps the process from ending.
  '-c',
  'log_startup_progress_interval=0',
];

const MAX_ERROR_LINES = 5;

/**
 * Starts PGlite on `dataDir` (a folder, or `memory://`), initialising it when it is empty: some 2 s, against 0.3 s.
 *
 * What a transaction wrote is with the operating system when COMMIT answers, so it survives any end of this process.
 * PGlite cannot flush it to the disk (its `fsync` does nothing): the loss of power may damage the database.
 *
 * @throws StartupError with what PostgreSQL wrote to its log
 */
export async function startPglite(dataDir: string, options: Pick<PGliteOptions, 'loadDataDir'> = {}): Promise<PGlite> {
  const lines: string[] = [];
  try {
    return await PGlite.create(dataDir, {
      ...options,
      // What the migrations create: a folder whose database has it can be opened only with it.
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

/** A `pg.Pool` of the one connection that PGlite has. Ending the pool leaves PGlite open. */
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
