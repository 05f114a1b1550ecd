import { rmSync } from 'node:fs';

const ends = new Set<() => void>();

/** Does it when the run ends by a signal or an error, which waits for nothing. @returns takes it back */
export function onAbruptEnd(end: () => void): () => void {
  watch();
  ends.add(end);
  return () => ends.delete(end);
}

export function killAtEnd(pid: number | undefined, signal: NodeJS.Signals = 'SIGKILL'): () => void {
  return onAbruptEnd(() => {
    if (pid !== undefined) process.kill(pid, signal);
  });
}

export const removeAtEnd = (folder: string): (() => void) =>
  onAbruptEnd(() => {
    rmSync(folder, { recursive: true, force: true, maxRetries: 20 });
  });

let isWatching = false;

function watch(): void {
  if (isWatching) return;
  isWatching = true;
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => process.exit(1));
  process.once('exit', () => {
    for (const end of ends) {
      try {
        end();
      } catch {
        // It has ended already.
      }
    }
  });
}
