import { describe, expect, it } from '@jest/globals';
import { sequencesOf, take } from '../../../test/contracts/event-log.contract.js';
import { Unavailable } from '../../kernel/errors.js';
import { MemoryEventLog } from './memory-event-log.js';

const FOREVER = new AbortController().signal;

describe('the event log in memory', () => {
  it('holds nothing of 10,000 followers that were aborted', async () => {
    const log = new MemoryEventLog();
    const controller = new AbortController();
    const readers = await Promise.all(
      Array.from({ length: 10_000 }, (_, index) => log.follow(`stream-${index % 100}`, 0, controller.signal)),
    );
    expect(log.size).toEqual({ streams: 100, followers: 10_000 });
    const waiting = readers.map((reader) => reader.next());
    controller.abort();
    for (const result of await Promise.all(waiting)) expect(result.done).toBe(true);
    expect(log.size).toEqual({ streams: 0, followers: 0 });
  });

  it('keeps the newest events of a stream, and says so when older ones are asked for', async () => {
    const log = new MemoryEventLog({ maxEvents: 3 });
    await log.append('stream', ['a', 'b', 'c', 'd', 'e']);
    expect(await log.has('stream')).toBe(false);
    await expect(log.follow('stream', 1, FOREVER)).rejects.toThrow(
      new Unavailable('Events this old are no longer kept'),
    );
    expect(sequencesOf(await take(await log.follow('stream', 2, FOREVER), 3))).toEqual([3, 4, 5]);
    await log.close();
  });

  it('ends a reader that falls too far behind with an error, once, and keeps the others', async () => {
    const log = new MemoryEventLog({ maxEvents: 3 });
    const slow = await log.follow('stream', 0, FOREVER);
    const quick = await log.follow('stream', 0, FOREVER);
    const reading = take(quick, 4);
    for (const event of ['a', 'b', 'c', 'd']) await log.append('stream', [event]);
    expect(sequencesOf(await reading)).toEqual([1, 2, 3, 4]);
    await expect(slow.next()).rejects.toThrow(new Unavailable('The reader fell too far behind the event stream'));
    expect(await slow.next()).toEqual({ done: true, value: undefined });
    expect(log.size.followers).toBe(1);
    await log.close();
  });

  it('forgets at once a stream that was only followed', async () => {
    const log = new MemoryEventLog();
    const reader = await log.follow('stream', 0, FOREVER);
    expect(log.size.streams).toBe(1);
    await reader.return?.();
    expect(log.size.streams).toBe(0);
  });
});
