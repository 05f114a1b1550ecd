import { open } from 'node:fs/promises';

/** Flushes a directory: otherwise a power cut may undo the rename of a file that was itself flushed. */
export async function flushDirectory(directory: string): Promise<void> {
  const handle = await open(directory);
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
