import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { FIRST_WRITER, TakenOver, type EventLog, type LogEntry } from '../../src/ports/event-log.js';

interface OpenedEventLog {
  readonly log: EventLog;
  /** Number of followers that the log still holds. */
  followers(): number;
  close(): Promise<void>;
}

const FOREVER = new AbortController().signal;

export async function take<Event>(entries: AsyncIterator<LogEntry<Event>>, count: number): Promise<LogEntry<Event>[]> {
  const taken: LogEntry<Event>[] = [];
  while (taken.length < count) {
    const result = await entries.next();
    if (result.done === true) throw new Error(`ended after ${taken.length} of ${count} entries`);
    taken.push(result.value);
  }
  return taken;
}

export const sequencesOf = (entries: readonly LogEntry<unknown>[]) => entries.map(({ sequence }) => sequence);
const upTo = (count: number) => Array.from({ length: count }, (_, index) => index + 1);

/** A writer that knows its numbers. */
export function writerOf(log: EventLog, stream: string, writer = FIRST_WRITER) {
  let last = 0;
  return async (...events: readonly unknown[]): Promise<number> => {
    last = await log.write(stream, writer, last + 1, events);
    return last;
  };
}

/** The contract of every event log. `open` makes one that keeps streams for `retentionMs` after their last event. */
export function eventLogContract(name: string, open: (retentionMs: number) => Promise<OpenedEventLog>): void {
  describe(`the event log port, by ${name}`, () => {
    let opened: OpenedEventLog;
    let log: EventLog;
    let stream: string;
    let write: (...events: readonly unknown[]) => Promise<number>;
    const readAll = async (of = stream) => take(await log.follow(of, 0, FOREVER), await lastOf(of));
    /** An empty write answers where the stream ends. */
    const lastOf = (of: string) => log.write(of, FIRST_WRITER, 1, []);
    beforeEach(async () => {
      opened = await open(60_000);
      log = opened.log;
      stream = randomUUID();
      write = writerOf(log, stream);
    });
    afterEach(() => opened.close());

    it('takes each number once, however often it is sent and in whatever order', async () => {
      expect(await log.write(stream, FIRST_WRITER, 1, ['a', 'b'])).toBe(2);
      expect(await log.write(stream, FIRST_WRITER, 1, ['a', 'b', 'c'])).toBe(3);
      expect(await log.write(stream, FIRST_WRITER, 2, ['other', 'texts'])).toBe(3);
      expect(await log.write(stream, FIRST_WRITER, 3, ['c', 'd'])).toBe(4);
      expect((await readAll()).map(({ event }) => event)).toEqual(['a', 'b', 'c', 'd']);
    });

    it('takes nothing of what does not follow on what it has, and says how far that is', async () => {
      expect(await log.write(stream, FIRST_WRITER, 3, ['c'])).toBe(0);
      await write('a');
      expect(await log.write(stream, FIRST_WRITER, 3, ['c'])).toBe(1);
      expect(sequencesOf(await readAll())).toEqual([1]);
    });

    it('takes the same calls once when they come many times at once', async () => {
      const reader = await log.follow(stream, 0, FOREVER);
      const calls = upTo(100).flatMap(() =>
        upTo(5).map((call) => () => log.write(stream, FIRST_WRITER, call * 2 - 1, [call, -call])),
      );
      await Promise.all(calls.map(async (call) => call()));
      for (const call of upTo(5)) await log.write(stream, FIRST_WRITER, call * 2 - 1, [call, -call]);
      expect(await take(reader, 10)).toEqual(
        upTo(5).flatMap((call) => [
          { sequence: call * 2 - 1, event: call },
          { sequence: call * 2, event: -call },
        ]),
      );
    });

    it('gives a reader what was there, then what comes', async () => {
      await write('a', 'b');
      const reader = await log.follow<string>(stream, 0, FOREVER);
      await write('c');
      expect(await take(reader, 3)).toEqual([
        { sequence: 1, event: 'a' },
        { sequence: 2, event: 'b' },
        { sequence: 3, event: 'c' },
      ]);
      const next = reader.next();
      await write('d');
      expect(await next).toEqual({ done: false, value: { sequence: 4, event: 'd' } });
    });

    it('goes on after any sequence number, also one still to come', async () => {
      await write('a', 'b', 'c');
      const after2 = await log.follow(stream, 2, FOREVER);
      const after4 = await log.follow(stream, 4, FOREVER);
      await write('d', 'e', 'f');
      expect(sequencesOf(await take(after2, 4))).toEqual([3, 4, 5, 6]);
      expect(sequencesOf(await take(after4, 2))).toEqual([5, 6]);
    });

    it('follows a stream that does not exist yet', async () => {
      const reader = await log.follow(stream, 0, FOREVER);
      await write('first');
      expect(await take(reader, 1)).toEqual([{ sequence: 1, event: 'first' }]);
    });

    it('misses nothing and doubles nothing for readers that join while events come', async () => {
      const writing = (async () => {
        for (const number of upTo(200)) await write(number);
      })();
      const readers = await Promise.all(upTo(20).map(() => log.follow(stream, 0, FOREVER)));
      await readers[0]?.next();
      const late = await log.follow(stream, 1, FOREVER);
      await writing;
      for (const reader of readers.slice(1)) expect(sequencesOf(await take(reader, 200))).toEqual(upTo(200));
      expect(sequencesOf(await take(late, 199))).toEqual(upTo(200).slice(1));
    });

    it('keeps streams apart', async () => {
      const other = randomUUID();
      const reader = await log.follow(stream, 0, FOREVER);
      await log.write(other, FIRST_WRITER, 1, ['not mine']);
      await write('mine');
      expect(await take(reader, 1)).toEqual([{ sequence: 1, event: 'mine' }]);
    });

    it('gives events back as they were', async () => {
      const events = [{ text: 'Größe 😀\u0000\n"', nested: { list: [1, null, true] } }, '', 0, null, []];
      const reader = await log.follow(stream, 0, FOREVER);
      await write(...events);
      expect((await take(reader, events.length)).map(({ event }) => event)).toEqual(events);
      expect((await readAll()).map(({ event }) => event)).toEqual(events);
    });

    it('refuses a writer once another has taken the stream over, which gets all that it wrote', async () => {
      await write('a', 'b');
      const reader = await log.follow(stream, 0, FOREVER);
      const { writer, entries } = await log.takeOver<string>(stream);
      expect(entries).toEqual([
        { sequence: 1, event: 'a' },
        { sequence: 2, event: 'b' },
      ]);
      await expect(write('c')).rejects.toThrow(TakenOver);
      expect(await log.write(stream, writer, 3, ['end'])).toBe(3);
      expect((await take(reader, 3)).map(({ event }) => event)).toEqual(['a', 'b', 'end']);
      const next = await log.takeOver(stream);
      expect(next.writer).toBeGreaterThan(writer);
      await expect(log.write(stream, writer, 4, ['late'])).rejects.toThrow(TakenOver);
    });

    it('refuses a writer also where nothing was written before', async () => {
      expect(await log.takeOver(stream)).toMatchObject({ entries: [] });
      await expect(write('late')).rejects.toThrow(TakenOver);
    });

    it('does not hold writers up for a reader that does not read', async () => {
      const idle = await log.follow(stream, 0, FOREVER);
      for (const batch of upTo(20)) await write(...upTo(100).map((number) => batch * 100 + number));
      expect(sequencesOf(await take(idle, 2000))).toEqual(upTo(2000));
    });

    it('ends a waiting reader when its signal aborts, and no other', async () => {
      const controller = new AbortController();
      const reader = await log.follow(stream, 0, controller.signal);
      const other = await log.follow(stream, 0, FOREVER);
      const waiting = [reader.next(), reader.next()];
      controller.abort();
      for (const next of waiting) expect(await next).toEqual({ done: true, value: undefined });
      expect(await reader.next()).toEqual({ done: true, value: undefined });
      await write('still here');
      expect(await take(other, 1)).toHaveLength(1);
      expect(opened.followers()).toBe(1);
    });

    it('ends at once a reader whose signal has aborted already', async () => {
      await write('a');
      const reader = await log.follow(stream, 0, AbortSignal.abort());
      expect(await reader.next()).toEqual({ done: true, value: undefined });
      expect(opened.followers()).toBe(0);
    });

    it('lets a reader leave its loop', async () => {
      await write('a', 'b');
      for await (const entry of await log.follow(stream, 0, FOREVER)) {
        expect(entry.sequence).toBe(1);
        break;
      }
      expect(opened.followers()).toBe(0);
    });

    it('ends its readers when it closes', async () => {
      const reader = await log.follow(stream, 0, FOREVER);
      const waiting = reader.next();
      await log.close();
      expect(await waiting).toEqual({ done: true, value: undefined });
    });

    it('forgets a stream a while after its last event', async () => {
      const brief = await open(300);
      try {
        await brief.log.write(stream, FIRST_WRITER, 1, ['a']);
        while ((await brief.log.write(stream, FIRST_WRITER, 3, [])) !== 0) await sleep(400);
      } finally {
        await brief.close();
      }
    });
  });
}
