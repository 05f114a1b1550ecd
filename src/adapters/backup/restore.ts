import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { StartupError } from '../../kernel/startup-error.js';
import { flushDirectory } from '../disk/flush-directory.js';
import { isOurs, openDataDirectory, UNFINISHED_RESTORE } from '../disk/private-directory.js';
import { DirectoryInUse, lockDirectory } from '../postgres/directory-lock.js';
import type { Manifest } from './manifest.js';
import { readArchive, type ReadOptions } from './read-archive.js';

const UNPACKED = 'restoring-';
/** The lock that this process holds, what services and restores left that ended in between, and what was moved aside before. */
const NOTHING =
  /^(?:postgres\.(?:lock.*|pid)|backup\.sock|restore\.unfinished|(?:snapshot|restoring|before-restore)-.+)$/;

export interface RestoreOptions extends Pick<ReadOptions, 'accept'> {
  readonly dataDirectory: string;
  /** Moves what is there into a folder of its own, instead of refusing a folder that is not empty. */
  readonly force: boolean;
  /** Opens what was unpacked, before it takes its place. What it throws refuses the archive. */
  readonly prepare: (unpacked: string) => Promise<void>;
}

export interface Restored {
  readonly manifest: Manifest;
  /** The folder of what was there before; null where nothing was. */
  readonly aside: string | null;
}

/**
 * Puts what an archive has into DATA_DIR. It is unpacked and compared with its checksums first, and takes its place by renames
 * within the folder, which therefore may be a volume. Nothing is deleted. No service can start meanwhile, nor after a restore
 * that was killed in the middle of the renames.
 * @throws StartupError with nothing changed
 */
export async function restoreArchive(file: string, options: RestoreOptions): Promise<Restored> {
  const { dataDirectory, force, accept, prepare } = options;
  if (!existsSync(file)) throw new StartupError(`there is no file ${file}`);
  await openDataDirectory(dataDirectory);
  const lock = lockUnused(dataDirectory);
  try {
    const present = (await readdir(dataDirectory)).filter((name) => !NOTHING.test(name));
    if (present.length > 0 && !force) {
      throw new StartupError(
        `DATA_DIR ${dataDirectory} is not empty: --force moves what the service has there into a folder before-restore-… in it, and deletes nothing`,
      );
    }
    const unpacked = await mkdtemp(join(dataDirectory, UNPACKED));
    try {
      const manifest = await readArchive(file, { into: unpacked, accept });
      if (!existsSync(join(unpacked, 'postgres', 'PG_VERSION'))) {
        throw new StartupError(`${file} is damaged, or no backup: it has no database`);
      }
      await prepare(unpacked);
      const aside = await replace(dataDirectory, present.filter(isOurs), unpacked);
      return { manifest, aside };
    } finally {
      await rm(unpacked, { recursive: true, force: true });
    }
  } finally {
    lock.release();
  }
}

function lockUnused(dataDirectory: string) {
  try {
    return lockDirectory(dataDirectory);
  } catch (error) {
    if (!(error instanceof DirectoryInUse)) throw error;
    throw new StartupError(`${error.message.split('. ')[0] ?? ''}: stop the service first`, { cause: error });
  }
}

/** @returns the folder of what was there */
async function replace(dataDirectory: string, old: readonly string[], unpacked: string): Promise<string | null> {
  const mark = join(dataDirectory, UNFINISHED_RESTORE);
  const moves: (readonly [from: string, to: string])[] = [];
  let aside: string | null = null;
  if (old.length > 0) {
    aside = join(dataDirectory, `before-restore-${new Date().toISOString().replace(/[:.]/g, '-')}`);
    for (const name of old) moves.push([join(dataDirectory, name), join(aside, name)]);
  }
  for (const name of await readdir(unpacked))
    // The lock of whoever prepared it: this process holds the one of the folder.
    if (!NOTHING.test(name)) moves.push([join(unpacked, name), join(dataDirectory, name)]);

  const wasBrokenOff = existsSync(mark);
  await writeFile(mark, '', { flush: true });
  await flushDirectory(dataDirectory);
  if (aside !== null) await mkdir(aside, { mode: 0o700 });
  const done: typeof moves = [];
  try {
    for (const [from, to] of moves) {
      await rename(from, to);
      done.unshift([from, to]);
    }
  } catch (error) {
    for (const [from, to] of done) await rename(to, from);
    if (!wasBrokenOff) await rm(mark);
    throw error;
  }
  await flushDirectory(dataDirectory);
  await rm(mark);
  return aside;
}
