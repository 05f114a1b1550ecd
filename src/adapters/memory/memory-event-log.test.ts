import { describe, expect, it } from '@jest/globals';
import { sequencesOf, take, writerOf } from '../../../test/contracts/event-log.contract.js';
import { Unavailable } from '../../kernel/errors.js';
import { FIRST_WRITER } from '../../ports/event-log.js';
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

  it('keeps the newest events of a stream', async () => {
    const log = new MemoryEventLog({ maxEvents: 3 });
    await log.write('stream', FIRST_WRITER, 1, ['a', 'b', 'c', 'd', 'e']);
    expect(sequencesOf(await take(await log.follow('stream', 1, FOREVER), 3))).toEqual([3, 4, 5]);
    await log.close();
  });

  it('ends a reader that falls too far behind with an error, once, and keeps the others', async () => {
    const log = new MemoryEventLog({ maxEvents: 3 });
    const slow = await log.follow('stream', 0, FOREVER);
    const quick = await log.follow('stream', 0, FOREVER);
    const reading = take(quick, 4);
    const write = writerOf(log, 'stream');
    for (const event of ['a', 'b', 'c', 'd']) await write(event);
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
