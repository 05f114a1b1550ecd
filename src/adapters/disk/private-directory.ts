import { chmod, lstat, mkdir, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { codeOf } from '../../kernel/error-code.js';

/** In `DATA_DIR` while a backup takes the place of what was there: a service that started then would find a part of it. */
export const UNFINISHED_RESTORE = 'restore.unfinished';

/** What the service, its backups and restores keep in `DATA_DIR`. */
const OURS =
  /^(?:postgres(?:\..+)?|files|mail|replies|secret-key|\.secret-key-.+|backup\.sock|restore\.unfinished|(?:snapshot|restoring|before-restore)-.+)$/;

/** @param name of what is in `DATA_DIR` */
export function isOurs(name: string): boolean {
  return OURS.test(name);
}

const DIRECTORY_MODE = 0o700;
const FILE_MODE = 0o600;
const OTHERS = 0o077;

/**
 * Makes `DATA_DIR`, or takes one that exists, so that nobody but the service's user reads what is in it. One that others may
 * enter, from a release that let them or made by hand, is closed, with everything of ours in it. A folder that holds other
 * things as well, or belongs to another user, keeps its own mode: only what is ours is closed.
 */
export async function openDataDirectory(directory: string): Promise<void> {
  await mkdir(directory, { recursive: true, mode: DIRECTORY_MODE });
  const { mode } = await lstat(directory);
  if ((mode & OTHERS) === 0) return;
  const names = await readdir(directory);
  const ours = names.filter(isOurs);
  if (ours.length === names.length) await closeToOthers(directory);
  else for (const name of ours) await closeToOthers(join(directory, name));
}

/** Leaves alone what belongs to another user, such as the mount point of a volume, and what is gone by now. */
async function closeToOthers(path: string): Promise<void> {
  try {
    const status = await lstat(path);
    if (status.isFile()) await chmod(path, FILE_MODE);
    if (!status.isDirectory()) return;
    await chmod(path, DIRECTORY_MODE);
    for (const name of await readdir(path)) await closeToOthers(join(path, name));
  } catch (error) {
    const code = codeOf(error);
    if (code !== 'EPERM' && code !== 'ENOENT' && code !== 'EACCES') throw error;
  }
}
