import { isDate } from 'node:util/types';
import pg from 'pg';

/** bigint, so `count(*)`, as a number: a loud error past 2^53 - 1 is better than a silently wrong figure. */
function parseBigint(text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value)) throw new RangeError('a bigint is too large for a JavaScript number');
  return value;
}

/** A date as midnight in UTC, as Prisma reads it; `pg` alone takes midnight in the zone of this process. */
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

/** Dates go out in UTC: `pg` alone writes them in the zone of this process, which moves a `date` by a day. */
export function toParameter(value: unknown): unknown {
  return isDate(value) ? value.toISOString() : value;
}
