import { describe, expect, it } from '@jest/globals';
import pg from 'pg';
import { parseTimestamp } from './value-parsers.js';

const parse = pg.types.getTypeParser(pg.types.builtins.TIMESTAMPTZ) as (text: string) => Date | number;

/** As PostgreSQL writes a time in a time zone: without zeros at the end of its fraction. */
function written(date: Date, micros: number, zone: string): string {
  const fraction = `${String(date.getUTCMilliseconds()).padStart(3, '0')}${String(micros).padStart(3, '0')}`.replace(
    /0+$/,
    '',
  );
  const text = date.toISOString();
  return `${text.slice(0, text.length - 14)} ${text.slice(-13, -5)}${fraction === '' ? '' : `.${fraction}`}${zone}`;
}

describe('parseTimestamp', () => {
  it('reads every time as the parser of pg does', () => {
    const [first, last] = [Date.UTC(1000, 0), Date.UTC(9999, 11, 31)];
    for (let step = 0; step < 5_000; step++) {
      const zone = ['+00', '+00', '+00', '+02', '-03:30', '+05:45:10'][step % 6] ?? '';
      const shorter = 10 ** (step % 4);
      const milliseconds = Math.round(((step * 0.618_033) % 1) * (last - first) + first);
      const date = new Date(Math.floor(milliseconds / shorter) * shorter);
      const text = written(date, step % 7 === 0 ? step % 1_000 : 0, zone);
      expect([text, parseTimestamp(text)]).toEqual([text, parse(text)]);
    }
  });

  it.each([
    'infinity',
    '-infinity',
    '0044-03-15 12:00:00+00 BC',
    '10000-01-01 00:00:00+00',
    '0099-01-01 00:00:00.5+00',
  ])('leaves %s to that parser', (text) => {
    expect(parseTimestamp(text)).toEqual(parse(text));
  });

  it.each([
    ['2026-02-01 12:34:56+00', '2026-02-01T12:34:56.000Z'],
    ['2026-02-01 12:34:56.7+00', '2026-02-01T12:34:56.700Z'],
    ['2026-02-01 12:34:56.78+00', '2026-02-01T12:34:56.780Z'],
    ['2026-12-31 23:59:59.789+00', '2026-12-31T23:59:59.789Z'],
  ])('reads %s', (text, iso) => {
    expect(parseTimestamp(text).toISOString()).toBe(iso);
  });
});
