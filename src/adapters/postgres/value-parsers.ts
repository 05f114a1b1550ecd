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

const [HYPHEN, POINT, PLUS, ZERO] = [...Buffer.from('-.+0')] as [number, number, number, number];

function numberAt(bytes: Uint8Array, start: number, end: number): number {
  let value = 0;
  for (let at = start; at < end; at++) value = value * 10 + (bytes[at] ?? 0) - ZERO;
  return value;
}

/** The day of the latest time that was parsed, as in 20260201, and when it began: those of a list are often of one day. */
let knownDay = 0;
let knownDayStart = 0;

/**
 * Parses a time in UTC of a usual year to the millisecond, `2026-02-01 12:34:56.789+00`, at a thirtieth of what the parser of `pg`
 * costs: a list has two in each row. All else is left to that parser.
 */
export function timestampAt(bytes: Buffer, at: number, length: number): Date {
  const end = at + length;
  const isUsual =
    length >= 22 &&
    length <= 26 &&
    bytes[at + 4] === HYPHEN &&
    bytes[at] !== ZERO &&
    bytes[end - 3] === PLUS &&
    bytes[end - 2] === ZERO &&
    bytes[end - 1] === ZERO;
  if (!isUsual || (length > 22 && bytes[at + 19] !== POINT))
    return parseAnyTimestamp(bytes.toString('latin1', at, end));
  const digits = Math.max(0, length - 23);
  const milliseconds = numberAt(bytes, at + 20, at + 20 + digits) * 10 ** (3 - digits);
  const year = numberAt(bytes, at, at + 4);
  const month = numberAt(bytes, at + 5, at + 7);
  const date = numberAt(bytes, at + 8, at + 10);
  const day = (year * 100 + month) * 100 + date;
  if (day !== knownDay) {
    knownDayStart = Date.UTC(year, month - 1, date);
    knownDay = day;
  }
  const minutes = numberAt(bytes, at + 11, at + 13) * 60 + numberAt(bytes, at + 14, at + 16);
  return new Date(knownDayStart + (minutes * 60 + numberAt(bytes, at + 17, at + 19)) * 1_000 + milliseconds);
}

export function parseTimestamp(text: string): Date {
  return timestampAt(Buffer.from(text, 'latin1'), 0, text.length);
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
