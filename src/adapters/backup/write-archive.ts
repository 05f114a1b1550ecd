import { createHash, type Hash, randomBytes } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { type FileHandle, open, readFile, rename, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import tar, { type Headers, type Pack } from 'tar-stream';
import { flushDirectory } from '../disk/flush-directory.js';
import { contentsOf } from './contents.js';
import { CHECKSUMS, hashing, lineOf, MANIFEST } from './archive-entries.js';
import type { Manifest } from './manifest.js';

const FILE_MODE = 0o600;
const FOLDER_MODE = 0o700;
/** A file of so many bytes at most is read at once. */
const SMALL_BYTES = 65_536;

export interface Written {
  readonly files: number;
  /** Size of the archive. */
  readonly bytes: number;
}

/**
 * Writes what a backup has of the folder `root` into a file, a tar compressed by gzip, readable by its owner alone. Memory does
 * not grow with what there is. The file appears whole, under its name, or not at all.
 */
export async function writeArchive(root: string, file: string, manifest: Manifest): Promise<Written> {
  const draft = `${file}.${randomBytes(4).toString('hex')}.part`;
  const sumsFile = `${draft}.sums`;
  try {
    const sums = await open(sumsFile, 'wx+', FILE_MODE);
    try {
      const packing = tar.pack();
      const target = createWriteStream(draft, { mode: FILE_MODE, flags: 'wx', flush: true });
      const written = pipeline(packing, createGzip(), target);
      const filled = fill(packing, { root, manifest, sums });
      // Whichever fails first says why: the other one is cut off.
      const [files] = await Promise.all([filled, written]);
      await rename(draft, file);
      await flushDirectory(dirname(file));
      return { files, bytes: target.bytesWritten };
    } finally {
      await sums.close();
    }
  } finally {
    for (const left of [draft, sumsFile]) await rm(left, { force: true });
  }
}

interface Contents {
  readonly root: string;
  readonly manifest: Manifest;
  /** An empty file, for the checksums. */
  readonly sums: FileHandle;
}

/** @returns how many files there are */
async function fill(packing: Pack, { root, manifest, sums }: Contents): Promise<number> {
  let files = 0;
  const noteSum = (hash: Hash, name: string) => sums.appendFile(lineOf(hash.digest('hex'), name));
  const addBytes = async (header: Headers, bytes: Buffer) => {
    await new Promise<void>((resolve, reject) => {
      packing.entry({ mode: FILE_MODE, ...header, size: bytes.length }, bytes, (error) => {
        if (error) reject(error);
        else resolve();
      });
    });
    await noteSum(createHash('sha256').update(bytes), header.name);
  };
  await addBytes({ name: MANIFEST }, Buffer.from(`${JSON.stringify(manifest, null, 2)}\n`));
  for await (const { name, isFolder } of contentsOf(root)) {
    const path = join(root, name);
    const { size, mtime } = await stat(path);
    if (isFolder) {
      packing.entry({ name, type: 'directory', mode: FOLDER_MODE, mtime });
      continue;
    }
    // Most of the database's thousand files are small, and streams would cost each of them more than its bytes do.
    if (size <= SMALL_BYTES) await addBytes({ name, mtime }, await readFile(path));
    else {
      const hash = createHash('sha256');
      await pipeline(createReadStream(path), hashing(hash), packing.entry({ name, size, mtime, mode: FILE_MODE }));
      await noteSum(hash, name);
    }
    files++;
  }
  const { size } = await sums.stat();
  await pipeline(
    sums.createReadStream({ start: 0, autoClose: false }),
    packing.entry({ name: CHECKSUMS, mode: FILE_MODE, size }),
  );
  packing.finalize();
  return files;
}
