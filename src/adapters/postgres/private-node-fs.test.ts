import { statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { withDatabaseDirectory } from '../../../test/support/program.js';
import { abandonPglite, startPglite } from './pglite.js';

/** What PostgreSQL's calls of the file system come to. */
interface Files {
  open(path: string, flags: string): Stream;
  close(stream: Stream): void;
  write(stream: Stream, bytes: Uint8Array, offset: number, length: number, position?: number): number;
  llseek(stream: Stream, offset: number, whence: number): number;
  ftruncate(descriptor: number, size: number): void;
  truncate(path: string, size: number): void;
  rename(from: string, to: string): void;
  unlink(path: string): void;
}

interface Stream {
  readonly fd: number;
}

const FOLDER = '/pglite/data';
const FROM_END = 2;
const PAGE = new Uint8Array(8_192);

/** Has the files of an open database, of which nothing is asked meanwhile. */
function withFiles(work: (files: Files, pathOf: (name: string) => string) => void): Promise<void> {
  return withDatabaseDirectory(async (directory) => {
    const folder = join(directory, 'postgres');
    const pglite = await startPglite(folder);
    try {
      work(pglite.Module.FS as Files, (name) => join(folder, name));
    } finally {
      abandonPglite(pglite);
    }
  });
}

describe('PrivateNodeFS', () => {
  it('knows the end of a file, whatever changes it', () =>
    withFiles((files, pathOf) => {
      const [one, other] = [`${FOLDER}/one`, `${FOLDER}/other`];
      const sizes: [string, number, number][] = [];
      const file = files.open(one, 'w+');
      const compare = (what: string, stream = file, name = 'one') => {
        sizes.push([what, files.llseek(stream, 0, FROM_END), statSync(pathOf(name)).size]);
      };
      compare('new');
      files.write(file, PAGE, 0, PAGE.length, 0);
      compare('written');
      files.write(file, PAGE, 0, PAGE.length, 3 * PAGE.length);
      compare('written beyond its end');
      files.write(file, PAGE, 0, PAGE.length, PAGE.length);
      compare('written inside');
      files.llseek(file, 0, FROM_END);
      files.write(file, PAGE, 0, 100);
      compare('written where it stands');
      files.ftruncate(file.fd, PAGE.length);
      compare('cut');
      files.truncate(one, 10);
      compare('cut by its name');
      const second = files.open(one, 'r+');
      files.write(second, PAGE, 0, PAGE.length, 10);
      compare('written by another stream');
      compare('seen by another stream', second);
      files.rename(one, other);
      files.write(file, PAGE, 0, PAGE.length, 2 * PAGE.length);
      compare('renamed', second, 'other');
      files.unlink(other);
      const again = files.open(other, 'w+');
      compare('made anew', again, 'other');
      expect(sizes.map(([what, known]) => [what, known])).toEqual(sizes.map(([what, , size]) => [what, size]));
      expect(new Set(sizes.map(([, size]) => size)).size).toBeGreaterThan(6);
    }));

  it('finds a file that was missing before', () =>
    withFiles((files, pathOf) => {
      const open = (name: string) => {
        files.close(files.open(`${FOLDER}/${name}`, 'r'));
      };
      const missing = expect.objectContaining({ name: 'ErrnoError', errno: 44 });
      expect(() => open('late')).toThrow(missing);
      files.close(files.open(`${FOLDER}/late`, 'w'));
      open('late');
      expect(() => open('renamed')).toThrow(missing);
      files.rename(`${FOLDER}/late`, `${FOLDER}/renamed`);
      open('renamed');
      expect(() => open('late')).toThrow(missing);
      expect(() => open('late/below')).toThrow(missing);
      expect(() => open('base/given')).toThrow(missing);
      // Any other error would leave PostgreSQL's code where it is, and the next statement would never end.
      expect(() => open('x'.repeat(300))).toThrow(expect.objectContaining({ name: 'ErrnoError' }));
      writeFileSync(pathOf('base/given'), '');
      open('base/given');
    }));
});
