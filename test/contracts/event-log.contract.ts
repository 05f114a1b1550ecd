import { setTimeout as sleep } from 'node:timers/promises';
import { randomUUID } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { EventLog, LogEntry } from '../../src/ports/event-log.js';

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

/** The contract of every event log. `open` makes one that keeps streams for `retentionMs` after their last event. */
export function eventLogContract(name: string, open: (retentionMs: number) => Promise<OpenedEventLog>): void {
  describe(`the event log port, by ${name}`, () => {
    let opened: OpenedEventLog;
    let log: EventLog;
    let stream: string;
    beforeEach(async () => {
      opened = await open(60_000);
      log = opened.log;
      stream = randomUUID();
    });
    afterEach(() => opened.close());

    it('numbers the events of a stream from 1 without a gap', async () => {
      expect(await log.append(stream, ['a', 'b'])).toEqual([1, 2]);
      expect(await log.append(stream, [])).toEqual([]);
      expect(await log.append(stream, ['c'])).toEqual([3]);
      expect(await log.append(randomUUID(), ['another stream'])).toEqual([1]);
    });

    it('numbers without a gap when many append at once', async () => {
      const given = await Promise.all(upTo(100).map((number) => log.append(stream, [number, -number])));
      for (const [first = 0, second] of given) expect(second).toBe(first + 1);
      expect(given.flat().sort((a, b) => a - b)).toEqual(upTo(200));
    });

    it('gives a reader what was there, then what comes', async () => {
      await log.append(stream, ['a', 'b']);
      const reader = await log.follow<string>(stream, 0, FOREVER);
      await log.append(stream, ['c']);
      expect(await take(reader, 3)).toEqual([
        { sequence: 1, event: 'a' },
        { sequence: 2, event: 'b' },
        { sequence: 3, event: 'c' },
      ]);
      const next = reader.next();
      await log.append(stream, ['d']);
      expect(await next).toEqual({ done: false, value: { sequence: 4, event: 'd' } });
    });

    it('goes on after any sequence number, also one still to come', async () => {
      await log.append(stream, ['a', 'b', 'c']);
      const after2 = await log.follow(stream, 2, FOREVER);
      const after4 = await log.follow(stream, 4, FOREVER);
      await log.append(stream, ['d', 'e', 'f']);
      expect(sequencesOf(await take(after2, 4))).toEqual([3, 4, 5, 6]);
      expect(sequencesOf(await take(after4, 2))).toEqual([5, 6]);
    });

    it('gives only what comes from now on to a reader of the latest', async () => {
      await log.append(stream, ['old']);
      const reader = await log.follow(stream, 'latest', FOREVER);
      await log.append(stream, ['new']);
      expect(await take(reader, 1)).toEqual([{ sequence: 2, event: 'new' }]);
    });

    it.each([0, 'latest'] as const)('follows (%s) a stream that does not exist yet', async (after) => {
      const reader = await log.follow(stream, after, FOREVER);
      expect(await log.has(stream)).toBe(false);
      await log.append(stream, ['first']);
      expect(await take(reader, 1)).toEqual([{ sequence: 1, event: 'first' }]);
    });

    it('misses nothing and doubles nothing for readers that join while events come', async () => {
      const writing = (async () => {
        for (const number of upTo(200)) await log.append(stream, [number]);
      })();
      const readers = await Promise.all(upTo(20).map(() => log.follow(stream, 0, FOREVER)));
      const late = log.append(stream, ['join']).then(() => log.follow(stream, 0, FOREVER));
      await writing;
      for (const reader of [...readers, await late]) expect(sequencesOf(await take(reader, 201))).toEqual(upTo(201));
    });

    it('keeps streams apart', async () => {
      const other = randomUUID();
      const reader = await log.follow(stream, 0, FOREVER);
      await log.append(other, ['not mine']);
      await log.append(stream, ['mine']);
      expect(await take(reader, 1)).toEqual([{ sequence: 1, event: 'mine' }]);
    });

    it('gives events back as they were', async () => {
      const events = [{ text: 'Größe 😀\u0000\n"', nested: { list: [1, null, true] } }, '', 0, null, []];
      await log.append(stream, events);
      const reader = await log.follow(stream, 0, FOREVER);
      expect((await take(reader, events.length)).map(({ event }) => event)).toEqual(events);
    });

    it('knows whether it holds a stream', async () => {
      expect(await log.has(stream)).toBe(false);
      await log.append(stream, ['a']);
      expect(await log.has(stream)).toBe(true);
    });

    it('does not hold writers up for a reader that does not read', async () => {
      const idle = await log.follow(stream, 0, FOREVER);
      for (const batch of upTo(20))
        await log.append(
          stream,
          upTo(100).map((number) => batch * 100 + number),
        );
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
      await log.append(stream, ['still here']);
      expect(await take(other, 1)).toHaveLength(1);
      expect(opened.followers()).toBe(1);
    });

    it('ends at once a reader whose signal has aborted already', async () => {
      await log.append(stream, ['a']);
      const reader = await log.follow(stream, 0, AbortSignal.abort());
      expect(await reader.next()).toEqual({ done: true, value: undefined });
      expect(opened.followers()).toBe(0);
    });

    it('lets a reader leave its loop', async () => {
      await log.append(stream, ['a', 'b']);
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

    it('forgets a stream a while after its last event, unless somebody follows it', async () => {
      const brief = await open(1_000);
      try {
        const [followed, forgotten] = [randomUUID(), randomUUID()];
        const reader = await brief.log.follow(followed, 0, FOREVER);
        await brief.log.append(followed, ['a']);
        // The other stream is written later: once it is forgotten, the followed one's time would be over too.
        await brief.log.append(forgotten, ['a']);
        while (await brief.log.has(forgotten)) await sleep(10);
        expect(await brief.log.has(followed)).toBe(true);
        await brief.log.append(followed, ['b']);
        expect(sequencesOf(await take(reader, 2))).toEqual([1, 2]);
        await reader.return?.();
        while (await brief.log.has(followed)) await sleep(10);
      } finally {
        await brief.close();
      }
    });
  });
}
