import { afterEach, describe, expect, it, jest } from '@jest/globals';
import { firstIdAt, newId, timeOfId } from './ids.js';

describe('the time in an id', () => {
  it('is when it was made', () => {
    const [before, id, after] = [Date.now(), newId(), Date.now()];
    expect(timeOfId(id).getTime()).toBeGreaterThanOrEqual(before);
    // A process that makes many ids in a millisecond borrows from the next.
    expect(timeOfId(id).getTime()).toBeLessThanOrEqual(after + 1);
  });

  it('parts the ids made before a time from those made at it or later', () => {
    const id = newId();
    const time = timeOfId(id);
    expect(firstIdAt(time) < id).toBe(true);
    expect(firstIdAt(new Date(time.getTime() + 1)) > id).toBe(true);
    expect(timeOfId(firstIdAt(time))).toEqual(time);
  });

  it.each([
    ['before 1970', new Date('0001-01-01T00:00:00Z'), '00000000-0000-0000-0000-000000000000'],
    ['later than an id can be', new Date(8.64e15), 'ffffffff-ffff-0000-0000-000000000000'],
  ])('stays in its bounds for one %s', (_name, time, id) => {
    expect(firstIdAt(time)).toBe(id);
  });
});

describe('ids', () => {
  afterEach(() => {
    jest.restoreAllMocks();
  });

  it('are UUIDs of version 7, each with random bits of its own', () => {
    const ids = Array.from({ length: 1_000 }, newId);
    for (const id of ids) expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    expect(new Set(ids.map((id) => id.slice(19))).size).toBe(ids.length);
  });

  it.each([
    ['back', -3_600_000],
    ['forward', 3_600_000],
    ['back by a millisecond again and again', -1],
  ])('go on rising when the clock is set %s', (_, step) => {
    const ids = [newId()];
    let now = Date.now();
    jest.spyOn(Date, 'now').mockImplementation(() => (now += step));
    for (let index = 0; index < 5_000; index++) ids.push(newId());
    expect([...ids].sort()).toEqual(ids);
    expect(new Set(ids).size).toBe(ids.length);
  });
});
