import { createHash } from 'node:crypto';
import { createWriteStream, existsSync } from 'node:fs';
import { lstat, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { createGzip, gunzipSync, gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import tar, { type Headers } from 'tar-stream';
import { StartupError } from '../../kernel/startup-error.js';
import { lockDirectory } from '../postgres/directory-lock.js';
import type { Manifest } from './manifest.js';
import { restoreArchive } from './restore.js';
import { takeSnapshot } from './snapshot.js';
import { writeArchive } from './write-archive.js';

const manifest: Manifest = {
  format: 1,
  version: '0.1.0',
  madeAt: '2026-11-26T00:00:00.000Z',
  migrations: [{ name: '1_init', checksum: 'abc' }],
};

let parent: string;
let source: string;
let target: string;
let file: string;
beforeEach(async () => {
  parent = await mkdtemp(join(tmpdir(), 'flynkle-backup-'));
  [source, target, file] = [join(parent, 'source'), join(parent, 'target'), join(parent, 'backup.tar.gz')];
  await mkdir(join(source, 'postgres', 'pg_notify'), { recursive: true });
  await mkdir(join(source, 'files', 'ab'), { recursive: true });
  await mkdir(join(source, 'files', 'drafts'));
  await mkdir(join(source, 'mail'));
  await writeFile(join(source, 'postgres', 'PG_VERSION'), '17\n');
  await writeFile(join(source, 'postgres', 'postgres.data'), Buffer.alloc(300_000, 'x'));
  await writeFile(join(source, 'files', 'ab', 'c'.repeat(150)), 'an upload');
  await writeFile(join(source, 'files', 'drafts', 'half'), 'half an upload');
  await writeFile(join(source, 'mail', 'a.eml'), 'a mail');
  await writeFile(join(source, 'mail', '.b.eml'), 'half a mail');
  await writeFile(join(source, 'secret-key'), 'the key', { mode: 0o600 });
  await writeFile(join(source, 'notes.txt'), 'not ours');
});
afterEach(() => rm(parent, { recursive: true, force: true }));

const prepare = () => Promise.resolve();
const restore = (force = false) =>
  restoreArchive(file, { dataDirectory: target, force, accept: () => undefined, prepare });

/** Everything in a folder, but for its lock, with the hash of its bytes. */
async function treeOf(root: string): Promise<Record<string, string>> {
  const tree: Record<string, string> = {};
  for (const name of (await readdir(root, { recursive: true })).sort()) {
    if (/^postgres\.(lock|pid)/.test(name)) continue;
    const status = await lstat(join(root, name));
    const bytes = status.isFile() ? await readFile(join(root, name), 'latin1') : 'a folder';
    tree[name] = createHash('sha256').update(bytes).digest('hex');
  }
  return tree;
}

async function refusal(force = false): Promise<string> {
  const before = existsSync(target) ? await treeOf(target) : {};
  const error: unknown = await restore(force).then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(StartupError);
  // Nothing of it is left, in the folder or beside it.
  expect(await treeOf(target)).toEqual(before);
  expect((await readdir(parent)).sort()).toEqual(['backup.tar.gz', 'source', 'target']);
  return (error as StartupError).message;
}

describe('a backup', () => {
  it('has what is whole and the product owns, for its owner alone, and gives it back', async () => {
    const { files } = await writeArchive(source, file, manifest);
    expect(files).toBe(5);
    expect((await lstat(file)).mode & 0o777).toBe(0o600);
    expect((await readdir(parent)).sort()).toEqual(['backup.tar.gz', 'source']);
    expect(await restore()).toEqual({ manifest, aside: null });
    expect(Object.keys(await treeOf(target))).toEqual([
      'files',
      'files/ab',
      `files/ab/${'c'.repeat(150)}`,
      'mail',
      'mail/a.eml',
      'postgres',
      'postgres/PG_VERSION',
      'postgres/pg_notify',
      'postgres/postgres.data',
      'secret-key',
    ]);
    for (const name of ['secret-key', 'postgres/postgres.data', 'mail/a.eml']) {
      expect(await readFile(join(target, name))).toEqual(await readFile(join(source, name)));
      expect((await lstat(join(target, name))).mode & 0o777).toBe(0o600);
    }
  });

  it('is of the moment of the snapshot, whatever is written or deleted afterwards', async () => {
    const folder = join(source, await takeSnapshot(source));
    await writeFile(join(source, 'postgres', 'PG_VERSION'), '18\n');
    await rm(join(source, 'files', 'ab', 'c'.repeat(150)));
    await writeArchive(folder, file, manifest);
    await restore();
    expect(await readFile(join(target, 'postgres', 'PG_VERSION'), 'utf8')).toBe('17\n');
    expect(await readFile(join(target, 'files', 'ab', 'c'.repeat(150)), 'utf8')).toBe('an upload');
  });

  it('that cannot be written leaves nothing', async () => {
    await mkdir(file);
    await expect(writeArchive(source, file, manifest)).rejects.toThrow();
    expect((await readdir(parent)).sort()).toEqual(['backup.tar.gz', 'source']);
  });
});

describe('a restore', () => {
  beforeEach(async () => {
    await writeArchive(source, file, manifest);
  });

  it('refuses a folder with anything in it; by force, it moves what is ours aside', async () => {
    await mkdir(join(target, 'postgres'), { recursive: true });
    await writeFile(join(target, 'postgres', 'PG_VERSION'), 'old');
    await writeFile(join(target, 'notes.txt'), 'not ours');
    expect(await refusal()).toContain('is not empty: --force moves');
    const { aside } = await restore(true);
    expect(aside).toContain(`${target}/before-restore-`);
    expect(await readFile(join(aside ?? '', 'postgres', 'PG_VERSION'), 'utf8')).toBe('old');
    expect(await readFile(join(target, 'postgres', 'PG_VERSION'), 'utf8')).toBe('17\n');
    expect(await readFile(join(target, 'notes.txt'), 'utf8')).toBe('not ours');
  });

  it('refuses a folder that is in use', async () => {
    await mkdir(target);
    const lock = lockDirectory(target);
    try {
      expect(await refusal(true)).toContain('stop the service first');
    } finally {
      lock.release();
    }
  });

  it('refuses what is accepted by nobody, such as a newer release', async () => {
    const accept = () => {
      throw new StartupError('release 9.0.0 made it');
    };
    await expect(restoreArchive(file, { dataDirectory: target, force: false, accept, prepare })).rejects.toThrow(
      'release 9.0.0',
    );
    expect(await treeOf(target)).toEqual({});
  });

  it.each<[string, (bytes: Buffer) => Buffer]>([
    ['cut off', (bytes) => bytes.subarray(0, bytes.length - 20)],
    ['cut in the middle', (bytes) => bytes.subarray(0, bytes.length / 2)],
    ['cut off before it was compressed', (bytes) => gzipSync(gunzipSync(bytes).subarray(0, -4_096))],
    ['damaged in a byte', (bytes) => bytes.with(bytes.length - 100, (bytes.at(-100) ?? 0) ^ 1) as Buffer],
    ['changed in a file', (bytes) => gzipSync(changed(gunzipSync(bytes)))],
    ['something else', () => Buffer.from('a text')],
    ['empty', () => Buffer.alloc(0)],
  ])('refuses an archive that is %s', async (_, damage) => {
    await writeFile(file, damage(await readFile(file)));
    expect(await refusal()).toMatch(/is damaged, or no backup: /);
  });

  it.each<[Headers, string?]>([
    [{ name: '../evil' }],
    [{ name: 'files/../../evil' }],
    [{ name: join(tmpdir(), 'evil') }],
    [{ name: 'notes.txt' }],
    [{ name: 'files//evil' }],
    [{ name: 'files', type: 'symlink', linkname: '..' }],
    [{ name: 'files', type: 'link', linkname: '../source/secret-key' }],
    [{ name: 'files', type: 'fifo' }],
    [{ name: '..', type: 'directory' }],
    [{ name: 'postgres', type: 'directory' }],
  ])('refuses an archive with %j', async (header) => {
    await writeFile(file, '');
    await craft([
      [{ name: 'manifest.json' }, JSON.stringify(manifest)],
      [{ name: 'postgres', type: 'directory' }],
      [header],
      [{ name: 'SHA256SUMS' }, ''],
    ]);
    expect(await refusal()).toMatch(/is damaged, or no backup: /);
    for (const place of [parent, tmpdir()]) expect(existsSync(join(place, 'evil'))).toBe(false);
  });

  it('refuses a format that it does not know', async () => {
    await craft([[{ name: 'manifest.json' }, JSON.stringify({ format: 2, else: 'unknown' })]]);
    expect(await refusal()).toContain('made by a newer release');
  });

  it('refuses an archive without its first entry', async () => {
    await craft([[{ name: 'secret-key' }, 'a key']]);
    expect(await refusal()).toContain('not a backup that this program made');
  });
});

/** One byte of the database's file. */
function changed(bytes: Buffer): Buffer {
  return Buffer.from(bytes.with(bytes.indexOf('xxxx') + 1_000, 'y'.charCodeAt(0)));
}

async function craft(entries: readonly (readonly [Headers, string?])[]): Promise<void> {
  const packing = tar.pack();
  const written = pipeline(packing, createGzip(), createWriteStream(file));
  for (const [header, text] of entries) {
    if (header.type === undefined) packing.entry(header, text ?? 'evil');
    else packing.entry(header);
  }
  packing.finalize();
  await written;
}
