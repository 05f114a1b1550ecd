import { randomUUID } from 'node:crypto';

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

/** Before every id. */
export const LOWEST_ID = '00000000-0000-0000-0000-000000000000';
/** Behind every id. */
export const HIGHEST_ID = 'ffffffff-ffff-ffff-ffff-ffffffffffff';

export function isUuid(text: string): boolean {
  return UUID.test(text);
}

/** Where the random part of a UUIDv4 begins that is as long as that of a UUIDv7, with the same two bits before it. */
const RANDOM_PART = 19;

let lastMillisecond = 0;
let counter = 0;

/**
 * A UUIDv7 (RFC 9562): 48 bits of Unix milliseconds, then a 12-bit counter, then 62 random bits. Ids made by one process
 * sort in the order they were made, also within a millisecond and when the clock steps back: lists page by id. The random bits are
 * those of a UUIDv4, for which Node draws ahead of many calls: to draw them for each id costs several times as much as all the rest.
 */
export function newId(): string {
  const now = Date.now();
  if (now > lastMillisecond) {
    lastMillisecond = now;
    counter = 0;
  } else if (++counter > 0xfff) {
    lastMillisecond++;
    counter = 0;
  }
  const time = lastMillisecond.toString(16).padStart(12, '0');
  const version = (0x7000 | counter).toString(16);
  return `${time.slice(0, 8)}-${time.slice(8)}-${version}-${randomUUID().slice(RANDOM_PART)}`;
}

/** The creation time in a UUIDv7, to the millisecond. */
export function timeOfId(id: string): Date {
  return new Date(Number.parseInt(id.slice(0, 8) + id.slice(9, 13), 16));
}

/** The latest time that a UUIDv7 can hold, in milliseconds: in the year 10889. */
const MAX_TIMESTAMP_MS = 2 ** 48 - 1;

/** A lower bound for ids: sorts before every UUIDv7 made at this time or later, and after those made earlier. */
export function firstIdAt(time: Date): string {
  const milliseconds = Math.min(Math.max(time.getTime(), 0), MAX_TIMESTAMP_MS);
  const hex = milliseconds.toString(16).padStart(12, '0');
  return `${hex.slice(0, 8)}-${hex.slice(8)}-0000-0000-000000000000`;
}
