import { constants } from 'node:fs';
import { copyFile, link, mkdir, mkdtemp, readdir, rm, stat, statfs } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { StartupError } from '../../kernel/startup-error.js';
import { contentsOf, type Item, undefinedWhenMissing } from './contents.js';

const PREFIX = 'snapshot-';
/** Files that change in place. All others are written once, under another name, and may be the same file twice. */
const CHANGING = /^(?:postgres|replies)\//;
const AT_ONCE = 16;
/** Room that is left to the service, in bytes. */
const SPARE_BYTES = 64 * 1024 * 1024;

/**
 * Copies what a backup has into a folder in DATA_DIR, while nothing changes the database. Files that never change are linked:
 * that takes neither time nor room.
 * @returns the folder's name
 */
export async function takeSnapshot(dataDirectory: string): Promise<string> {
  const folder = await mkdtemp(join(dataDirectory, PREFIX));
  try {
    await sideBySide(contentsOf(dataDirectory), async ({ name, isFolder }) => {
      const target = join(folder, name);
      if (isFolder) await mkdir(target, { mode: 0o700 });
      else await duplicate(join(dataDirectory, name), target, CHANGING.test(name));
    });
    return basename(folder);
  } catch (error) {
    await rm(folder, { recursive: true, force: true });
    throw error;
  }
}

/** Some files at once, since others wait for the database meanwhile. Folders, which come first, are made one by one. */
async function sideBySide(items: AsyncIterable<Item>, work: (item: Item) => Promise<void>): Promise<void> {
  const running = new Set<Promise<void>>();
  try {
    for await (const item of items) {
      const done = work(item);
      if (item.isFolder) {
        await done;
        continue;
      }
      // What fails stays, and is thrown by whoever waits next.
      const ended = done.then(() => void running.delete(ended));
      ended.catch(() => undefined);
      running.add(ended);
      if (running.size >= AT_ONCE) await Promise.race(running);
    }
  } finally {
    await Promise.all(running);
  }
}

/** Removes what a service left that was killed in the middle of a backup. */
export async function removeSnapshots(dataDirectory: string): Promise<void> {
  const left = (await readdir(dataDirectory)).filter((name) => name.startsWith(PREFIX));
  for (const name of left) await rm(join(dataDirectory, name), { recursive: true, force: true });
}

/** @throws StartupError when there is too little room on the disk for a snapshot */
export async function requireRoom(dataDirectory: string): Promise<void> {
  let needed = SPARE_BYTES;
  await sideBySide(contentsOf(dataDirectory), async ({ name, isFolder }) => {
    if (isFolder || !CHANGING.test(name)) return;
    const found = await stat(join(dataDirectory, name)).catch(undefinedWhenMissing);
    needed += found?.size ?? 0;
  });
  const { bavail, bsize } = await statfs(dataDirectory);
  if (bavail * bsize >= needed) return;
  throw new StartupError(
    `there is too little room for a copy of the database on the disk of ${dataDirectory}: ${Math.ceil(needed / 1e6)} MB are needed. ` +
      'A backup of a service that is stopped needs none there',
  );
}

/** Nothing happens when the file was deleted meanwhile. */
async function duplicate(source: string, target: string, isChanging: boolean): Promise<void> {
  const isLinked =
    !isChanging &&
    (await link(source, target).then(
      () => true,
      // A file system without links, or another one than that of the folder.
      () => false,
    ));
  if (!isLinked) await copyFile(source, target, constants.COPYFILE_FICLONE).catch(undefinedWhenMissing);
}
