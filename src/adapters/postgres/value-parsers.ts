import { isDate } from 'node:util/types';
import pg from 'pg';

/** Parses bigint (such as `count(*)`) as a number; past 2^53 - 1, an error is better than a silently wrong figure. */
function parseBigint(text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value)) throw new RangeError('a bigint is too large for a JavaScript number');
  return value;
}

/** Parses a date as midnight in UTC, like Prisma; by default `pg` uses midnight in the time zone of this process. */
function parseDate(text: string): Date {
  return new Date(`${text}T00:00:00.000Z`);
}

const getTypeParser: typeof pg.types.getTypeParser = (
  type: Parameters<typeof pg.types.getTypeParser>[0],
  format?: 'text' | 'binary',
): ReturnType<typeof pg.types.getTypeParser> => {
  if (format !== 'binary' && type === pg.types.builtins.INT8) return parseBigint;
  if (format !== 'binary' && type === pg.types.builtins.DATE) return parseDate;
  return pg.types.getTypeParser(type, format);
};

/** Parsers of column values for our own SQL; Prisma has its own. */
export const valueParsers: pg.CustomTypesConfig = { getTypeParser };

/** Sends dates in UTC: by default `pg` uses the time zone of this process, which can move a `date` by a day. */
export function toParameter(value: unknown): unknown {
  return isDate(value) ? value.toISOString() : value;
}
