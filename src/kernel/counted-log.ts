import type { Log } from './log.js';

/** The log, with how many lines of `warn` and `error` went through it. */
export function countedLog(log: Log): { readonly log: Log; readonly counts: ReadonlyMap<string, number> } {
  const counts = new Map<'warn' | 'error', number>([
    ['warn', 0],
    ['error', 0],
  ]);
  const counted = (level: 'warn' | 'error') => (fields: object, message: string) => {
    counts.set(level, (counts.get(level) ?? 0) + 1);
    log[level](fields, message);
  };
  const info = (fields: object, message: string) => {
    log.info(fields, message);
  };
  const debug = (fields: object, message: string) => {
    log.debug?.(fields, message);
  };
  return { log: { debug, info, warn: counted('warn'), error: counted('error') }, counts };
}
