import type { Dirent } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { isMissing } from '../../kernel/error-code.js';
import { StartupError } from '../../kernel/startup-error.js';

/** What a backup has of DATA_DIR: the database first, then uploaded files, unsent mail, the events of running replies, the key. */
const PARTS = ['postgres', 'files', 'mail', 'replies', 'secret-key'] as const;

/** Half written: uploads that are running, and mails that are not whole. */
const UNFINISHED = /^files\/drafts(?:\/|$)|^mail\/\./;

export interface Item {
  /** Its path within the folder, as `postgres/PG_VERSION`. */
  readonly name: string;
  readonly isFolder: boolean;
}

type Kind = Pick<Dirent, 'isFile' | 'isDirectory'>;

/** Everything in DATA_DIR, or a copy of it, that a backup has: a folder comes before what is in it. */
export async function* contentsOf(root: string): AsyncGenerator<Item> {
  for (const part of PARTS) {
    // A part may be elsewhere, such as the files on a larger disk, or not be used.
    const found = await stat(join(root, part)).catch(undefinedWhenMissing);
    if (found !== undefined) yield* itemsAt(root, part, found);
  }
}

async function* itemsAt(root: string, name: string, kind: Kind): AsyncGenerator<Item> {
  if (UNFINISHED.test(name)) return;
  const isFolder = kind.isDirectory();
  if (!isFolder && !kind.isFile()) throw new StartupError(`${join(root, name)} is neither a file nor a folder`);
  yield { name, isFolder };
  if (!isFolder) return;
  const children = await readdir(join(root, name), { withFileTypes: true });
  for (const child of children) yield* itemsAt(root, `${name}/${child.name}`, child);
}

/** Whether a backup may have an item of this name: nothing outside of the folder, and no other part. */
export function isItemName(name: string): boolean {
  const [part = '', ...rest] = name.split('/');
  if (!PARTS.some((known) => known === part)) return false;
  // eslint-disable-next-line no-control-regex -- such bytes are in no name of ours
  return rest.every((word) => word !== '' && word !== '.' && word !== '..' && !/[\\\u0000-\u001f]/.test(word));
}

/** For a `catch`: what is gone is undefined, any other error is thrown. */
export function undefinedWhenMissing(error: unknown): undefined {
  if (isMissing(error)) return undefined;
  throw error;
}
