import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, statfsSync } from 'node:fs';
import { rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const MEGABYTE = 1024 * 1024;

/** A file system of its own in memory, which only root may make. */
export interface SmallDisk {
  readonly directory: string;
  /** Takes what room there is, but for so many bytes. */
  fill(left?: number): Promise<void>;
  /** Gives it back. */
  clear(): Promise<void>;
  setReadOnly(isReadOnly: boolean): void;
  unmount(): void;
}

export function makeSmallDisk(megabytes: number): SmallDisk {
  const directory = mkdtempSync(join(tmpdir(), 'flynkle-disk-'));
  if (!mount('-t', 'tmpfs', '-o', `size=${megabytes}m`, 'tmpfs', directory)) {
    rmSync(directory, { recursive: true });
    throw new Error('A file system cannot be mounted here');
  }
  const filler = join(directory, 'filler');
  return {
    directory,
    fill: async (left = 0) => {
      await rm(filler, { force: true });
      const { bavail, bsize } = statfsSync(directory);
      // A file may need more blocks than its bytes do: what is left then is taken in pieces.
      for (let size = bavail * bsize - left; size > 0; size = Math.floor(size / 2)) {
        await writeFile(filler, Buffer.alloc(size), { flag: 'a' }).catch(() => undefined);
        if (left > 0) return;
      }
    },
    clear: () => rm(filler, { force: true }),
    setReadOnly: (isReadOnly) => {
      mount('-o', `remount,${isReadOnly ? 'ro' : 'rw'}`, directory);
    },
    unmount: () => {
      spawnSync('umount', ['-l', directory]);
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

/** Whether {@link makeSmallDisk} works here. */
export function mayMount(): boolean {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) return false;
  try {
    makeSmallDisk(1).unmount();
    return true;
  } catch {
    return false;
  }
}

/** Text that no compression makes smaller. */
export function incompressible(bytes: number): string {
  return randomBytes(Math.min(bytes, 4 * MEGABYTE) / 2).toString('hex');
}

function mount(...args: string[]): boolean {
  return spawnSync('mount', args).status === 0;
}
