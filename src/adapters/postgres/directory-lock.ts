import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { StartupError } from '../../kernel/startup-error.js';
import { describeFailure } from './connection-failure.js';

/** Another process is using the directory. */
export class DirectoryInUse extends StartupError {}

export interface DirectoryLock {
  release(): void;
}

/**
 * Locks `directory` for this process: PGlite has no lock of its own, and two processes on one folder lose rows silently.
 *
 * The lock is SQLite's on a file, held by an open transaction, which the operating system frees however the process ends.
 * A second file holds the process id, for the error message only, since a locked SQLite file cannot be read.
 *
 * @throws DirectoryInUse when another process holds the lock
 */
export function lockDirectory(directory: string): DirectoryLock {
  const ownerFile = join(directory, 'postgres.pid');
  const file = openLockFile(directory);
  try {
    file.exec('BEGIN EXCLUSIVE');
  } catch (error) {
    file.close();
    throw new DirectoryInUse(
      `DATA_DIR ${directory} is in use by another process${owner(ownerFile)}. ` +
        'Stop it, choose another DATA_DIR, or set DATABASE_URL: a PostgreSQL server takes any number of processes.',
      { cause: error },
    );
  }
  writeFileSync(ownerFile, String(process.pid));
  return {
    release: () => {
      rmSync(ownerFile, { force: true });
      file.close();
    },
  };
}

function openLockFile(directory: string): DatabaseSync {
  try {
    return new DatabaseSync(join(directory, 'postgres.lock'));
  } catch (error) {
    throw new StartupError(`DATA_DIR ${directory} cannot be written to: ${describeFailure(error)}`, {
      cause: error,
    });
  }
}

function owner(file: string): string {
  try {
    return ` (pid ${readFileSync(file, 'utf8')})`;
  } catch {
    return '';
  }
}
