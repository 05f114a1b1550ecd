import { isDate } from 'node:util/types';
import pg from 'pg';
import type { Rows } from '../../ports/database.js';

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

const parseAnyTimestamp = pg.types.getTypeParser(pg.types.builtins.TIMESTAMPTZ) as (text: string) => Date;

const [HYPHEN, POINT] = ['-'.charCodeAt(0), '.'.charCodeAt(0)];

function numberAt(text: string, start: number, end: number): number {
  let value = 0;
  for (let at = start; at < end; at++) value = value * 10 + text.charCodeAt(at) - 48;
  return value;
}

/** The day of the latest time that was parsed, as in 20260201, and when it began: those of a list are often of one day. */
let knownDay = 0;
let knownDayStart = 0;

/**
 * Parses a time in UTC of a usual year to the millisecond, `2026-02-01 12:34:56.789+00`, at a tenth of what the parser of `pg` costs:
 * a list has two in each row. All else is left to that parser.
 */
export function parseTimestamp(text: string): Date {
  const { length } = text;
  const year = numberAt(text, 0, 4);
  const isUsual = length >= 22 && length <= 26 && text.charCodeAt(4) === HYPHEN && year >= 1000 && text.endsWith('+00');
  if (!isUsual || (length > 22 && text.charCodeAt(19) !== POINT)) return parseAnyTimestamp(text);
  const digits = Math.max(0, length - 23);
  const milliseconds = numberAt(text, 20, 20 + digits) * 10 ** (3 - digits);
  const day = (year * 100 + numberAt(text, 5, 7)) * 100 + numberAt(text, 8, 10);
  if (day !== knownDay) {
    knownDayStart = Date.UTC(year, numberAt(text, 5, 7) - 1, numberAt(text, 8, 10));
    knownDay = day;
  }
  const minutes = numberAt(text, 11, 13) * 60 + numberAt(text, 14, 16);
  return new Date(knownDayStart + (minutes * 60 + numberAt(text, 17, 19)) * 1_000 + milliseconds);
}

const getTypeParser: typeof pg.types.getTypeParser = (
  type: Parameters<typeof pg.types.getTypeParser>[0],
  format?: 'text' | 'binary',
): ReturnType<typeof pg.types.getTypeParser> => {
  if (format !== 'binary' && type === pg.types.builtins.INT8) return parseBigint;
  if (format !== 'binary' && type === pg.types.builtins.DATE) return parseDate;
  if (format !== 'binary' && type === pg.types.builtins.TIMESTAMPTZ) return parseTimestamp;
  return pg.types.getTypeParser(type, format);
};

/** Parsers of column values for our own SQL; Prisma has its own. */
export const valueParsers: pg.CustomTypesConfig = { getTypeParser };

/** Sends dates in UTC: by default `pg` uses the time zone of this process, which can move a `date` by a day. */
export function toParameter(value: unknown): unknown {
  return isDate(value) ? value.toISOString() : value;
}

/** A text of several statements has one result for each, which the types of `pg` do not say. */
export function rowsOf<Row>(result: pg.QueryResult | readonly pg.QueryResult[]): Rows<Row> {
  if ('rows' in result) return { rows: result.rows as Row[], rowCount: result.rowCount ?? 0 };
  return {
    rows: result.flatMap(({ rows }) => rows as Row[]),
    rowCount: result.reduce((sum, { rowCount }) => sum + (rowCount ?? 0), 0),
  };
}
