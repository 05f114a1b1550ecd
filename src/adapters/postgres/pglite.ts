import { statfsSync } from 'node:fs';
import { dirname } from 'node:path';
import { setFlagsFromString } from 'node:v8';
import { PGlite, type PGliteOptions } from '@electric-sql/pglite';
import { btree_gin } from '@electric-sql/pglite/contrib/btree_gin';
import { pg_trgm } from '@electric-sql/pglite/contrib/pg_trgm';
import type pg from 'pg';
import type { Log } from '../../kernel/log.js';
import type { Tracing } from '../../ports/tracing.js';
import { StartupError } from '../../kernel/startup-error.js';
import { createClientPool } from './client-pool.js';
import { describeFailure } from './connection-failure.js';
import { type PgliteHost, PgliteSocket } from './pglite-socket.js';
import { PLAN_CACHE_MODE } from './postgres-pool.js';
import { PrivateNodeFS } from './private-node-fs.js';
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
  '-c',
  `plan_cache_mode=${PLAN_CACHE_MODE}`,
];

const MEMORY = 'memory://';
/** What PostgreSQL may write to open a database: recovery and the first checkpoint take three segments of the log. */
export const ROOM_BYTES = 3 * 16 * 1024 * 1024;
/** A line of PostgreSQL's log after which its process ends. */
const PANIC = /\b(?:PANIC|FATAL): +(.*)$/;
const ERROR = /\bERROR: +(.*)$/;

/** What we need of Emscripten's file system, which PGlite's types leave out. */
interface OpenFiles {
  readonly streams: readonly ({ readonly fd: number } | null | undefined)[];
  close(stream: { readonly fd: number }): void;
}
/** Those below are standard input and output, which are no files. */
const FIRST_FILE = 3;

/**
 * Starts PGlite on `dataDir` (a folder, or `memory://`). To initialise an empty one takes some 2 s, otherwise it is 0.3 s.
 *
 * When COMMIT answers, the operating system has the transaction's writes, so they survive any end of this process.
 * PGlite cannot flush them to the disk (its `fsync` does nothing): a power failure may damage the database.
 *
 * @param onPanic told what PostgreSQL says before its process would end, also later
 * @throws StartupError with what PostgreSQL says of the cause
 */
export async function startPglite(
  dataDir: string,
  { onPanic, ...options }: Pick<PGliteOptions, 'loadDataDir'> & { readonly onPanic?: (reason: string) => void } = {},
): Promise<PGlite> {
  keepWasmCode();
  let reason: string | undefined;
  const fs = dataDir.startsWith(MEMORY) ? undefined : new PrivateNodeFS(dataDir);
  try {
    return await PGlite.create({
      ...(fs === undefined ? { dataDir } : { fs }),
      ...options,
      // The extension that the migrations create. A folder whose database has it can only be opened with it.
      extensions: { btree_gin, pg_trgm },
      startParams: START_PARAMETERS,
      onStderr: (line) => {
        const panic = PANIC.exec(line)?.[1];
        if (panic !== undefined) onPanic?.(panic);
        reason = panic ?? ERROR.exec(line)?.[1] ?? reason;
        return false;
      },
    });
  } catch (error) {
    if (fs?.owner !== undefined) abandonPglite(fs.owner);
    const explanation = reason ?? describeFailure(error);
    throw new StartupError(`The embedded database cannot be opened. ${explanation}${noRoomOn(dataDir)}`, {
      cause: error,
    });
  }
}

/**
 * Has V8 keep WebAssembly code that it has compiled better since, a few megabytes. Freeing it while a thread compiles ends the
 * process, seldom, by `Check failed: jit_page_->allocations_.erase(addr) == 1` (https://github.com/nodejs/node/issues/64500).
 */
function keepWasmCode(): void {
  setFlagsFromString('--no-wasm-code-gc');
}

/** PostgreSQL says nothing of why it could not make a database. */
function noRoomOn(dataDir: string): string {
  if (dataDir.startsWith(MEMORY)) return '';
  const { bavail, bsize } = statfsSync(dirname(dataDir));
  return bavail * bsize < ROOM_BYTES ? ` (there is hardly any room left on the disk of ${dataDir})` : '';
}

/** Closes the files of a PGlite that has failed, without running anything in it: what it has in memory may be wrong. */
export function abandonPglite({ Module: { FS } }: PGlite): void {
  const files = FS as unknown as OpenFiles;
  for (const stream of [...files.streams]) {
    try {
      if (stream != null && stream.fd >= FIRST_FILE) files.close(stream);
    } catch {
      // A file that is gone has nothing to close.
    }
  }
}

/** How a pool uses PGlite, which has one user, one database and one session. */
export const PGLITE_POOL = {
  user: 'postgres',
  database: 'postgres',
  password: '',
  ssl: false,
  max: 1,
  idleTimeoutMillis: 0,
  types: valueParsers,
} as const;

/** A `pg.Pool` of PGlite's single connection. Ending the pool leaves PGlite open. */
export function createPglitePool(host: PgliteHost, logger: Pick<Log, 'warn'>, tracing?: Tracing): pg.Pool {
  return createClientPool(
    {
      ...PGLITE_POOL,
      stream: () => new PgliteSocket(host),
      connectionTimeoutMillis: CONNECTION_WAIT_MS,
    },
    logger,
    tracing,
  );
}
