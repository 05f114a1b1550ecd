import type { Log } from './log.js';

/**
 * The log, whose lines have more fields; those that a line has itself stay.
 * @param more the fields at that moment; undefined for none
 */
export function withFields(log: Log, more: () => object | undefined): Log {
  const all = (fields: object): object => {
    const added = more();
    return added === undefined ? fields : { ...added, ...fields };
  };
  return {
    debug: (fields, message) => {
      log.debug?.(all(fields), message);
    },
    info: (fields, message) => {
      log.info(all(fields), message);
    },
    warn: (fields, message) => {
      log.warn(all(fields), message);
    },
    error: (fields, message) => {
      log.error(all(fields), message);
    },
  };
}
