import { writeSync } from 'node:fs';
import { appendFile, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { sequencesOf, take, writerOf } from '../../../test/contracts/event-log.contract.js';
import { FIRST_WRITER } from '../../ports/event-log.js';
import { MemoryEventLog } from '../memory/memory-event-log.js';
import { DiskStreamJournal } from './stream-journal.js';

describe('the journal of streams', () => {
  let parent: string;
  let directory: string;
  let warnings: string[];

  const open = async (segmentBytes?: number, writeNow?: (...args: Parameters<typeof writeSync>) => number) => {
    const log = { warn: (_: object, message: string) => warnings.push(message) };
    const journal = new DiskStreamJournal(directory, log, segmentBytes, writeNow as typeof writeSync);
    await journal.open();
    return new MemoryEventLog({ journal });
  };

  beforeEach(async () => {
    parent = await mkdtemp(join(tmpdir(), 'flynkle-journal-'));
    directory = join(parent, 'replies');
    warnings = [];
  });
  afterEach(() => rm(parent, { recursive: true, force: true }));

  it('gives a process what another one wrote before it was killed', async () => {
    const killed = await open();
    await killed.write('reply:1', FIRST_WRITER, 1, ['a', 'b']);
    await killed.write('reply:1', FIRST_WRITER, 3, ['c']);
    await killed.write('reply:2', FIRST_WRITER, 1, ['other']);
    const next = await open();
    const { writer, entries } = await next.takeOver('reply:1');
    expect(entries.map(({ event }) => event)).toEqual(['a', 'b', 'c']);
    expect(await next.write('reply:1', writer, 4, ['end'])).toBe(4);
    expect(warnings).toEqual([]);
  });

  it('writes at once, and leaves the disk to other threads once it was slow', async () => {
    const killed = await open(undefined, (...args) => {
      const end = performance.now() + 30;
      while (performance.now() < end);
      return writeSync(...args);
    });
    const writes = ['a', 'b', 'c'].map((event, index) => async () => {
      const written = killed.write('reply:1', FIRST_WRITER, index + 1, [event]);
      const isAtOnce = typeof written === 'number';
      expect(await written).toBe(index + 1);
      return isAtOnce;
    });
    const atOnce: boolean[] = [];
    for (const write of writes) atOnce.push(await write());
    // A file has to be opened for the first one.
    expect(atOnce).toEqual([false, true, false]);
    const { entries } = await (await open()).takeOver('reply:1');
    expect(entries.map(({ event }) => event)).toEqual(['a', 'b', 'c']);
  });

  it('goes on where a segment cannot be written at once', async () => {
    let writes = 0;
    const log = await open(undefined, (...args) => {
      if (++writes === 2) throw Object.assign(new Error('no space left on device'), { code: 'ENOSPC' });
      return writeSync(...args);
    });
    for (const [index, event] of ['a', 'b', 'c', 'd', 'e'].entries())
      expect(await log.write('reply:1', FIRST_WRITER, index + 1, [event])).toBe(index + 1);
    expect(warnings).toHaveLength(1);
    expect(sequencesOf((await log.takeOver('reply:1')).entries)).toEqual([1, 2, 3, 4, 5]);
  });

  it('ends before a line that a kill cut', async () => {
    const killed = await open();
    await killed.write('reply:1', FIRST_WRITER, 1, ['a', 'b']);
    const [file = ''] = await readdir(directory);
    await appendFile(join(directory, file), '["reply:1",3,"c');
    expect((await (await open()).takeOver('reply:1')).entries).toHaveLength(2);
  });

  it('keeps nothing of a stream that is stored elsewhere', async () => {
    const log = await open();
    await log.write('reply:1', FIRST_WRITER, 1, ['a']);
    log.release('reply:1');
    await log.close();
    expect(await readdir(directory)).toEqual([]);
  });

  it('gives a process what it has itself written, and keeps none of it in memory', async () => {
    const log = await open();
    await log.write('reply:1', FIRST_WRITER, 1, ['a', 'b']);
    const { writer, entries } = await log.takeOver('reply:1');
    expect(entries.map(({ event }) => event)).toEqual(['a', 'b']);
    await log.write('reply:1', writer, 3, ['c']);
    const controller = new AbortController();
    const reader = await log.follow('reply:1', 1, controller.signal);
    await log.write('reply:1', writer, 4, ['d']);
    expect(sequencesOf(await take(reader, 3))).toEqual([2, 3, 4]);
    controller.abort();
  });

  it('misses nothing and doubles nothing for readers that join while events come', async () => {
    const log = await open(200);
    const write = writerOf(log, 'reply:1');
    const writing = (async () => {
      for (let number = 1; number <= 100; number++) await write(number);
    })();
    const { signal } = new AbortController();
    const first = await log.follow('reply:1', 0, signal);
    await take(first, 20);
    const readers = await Promise.all([0, 5, 50].map((after) => log.follow('reply:1', after, signal)));
    await writing;
    expect(sequencesOf(await take(first, 80)).at(-1)).toBe(100);
    for (const [index, after] of [0, 5, 50].entries()) {
      const numbers = Array.from({ length: 100 - after }, (_, place) => after + place + 1);
      expect(sequencesOf(await take(readers[index] as AsyncIterator<never>, 100 - after))).toEqual(numbers);
    }
  });

  it('keeps a stream that runs for long, and not all that others wrote in the meantime', async () => {
    const log = await open(200);
    const write = writerOf(log, 'reply:long');
    for (let number = 1; number <= 60; number++) {
      await write(`long ${number}`);
      await log.write(`reply:${number}`, FIRST_WRITER, 1, ['x'.repeat(100)]);
      log.release(`reply:${number}`);
    }
    await log.close();
    const files = await readdir(directory);
    expect(files.length).toBeLessThan(40);
    const texts = await Promise.all(files.map((file) => readFile(join(directory, file), 'utf8')));
    expect(texts.join('').match(/xxx/g)?.length ?? 0).toBeLessThan(60 * 33);
    const { entries } = await (await open()).takeOver('reply:long');
    expect(entries.map(({ event }) => event)).toEqual(Array.from({ length: 60 }, (_, index) => `long ${index + 1}`));
  });

  it('that a killed process left goes with the last stream that was not stored elsewhere', async () => {
    const killed = await open(200);
    for (const stream of ['reply:1', 'reply:2', 'reply:3']) {
      await killed.write(stream, FIRST_WRITER, 1, ['x'.repeat(100), 'y'.repeat(100)]);
    }
    await killed.write('reply:4', FIRST_WRITER, 1, ['a']);
    await killed.write('reply:5', FIRST_WRITER, 1, ['a']);
    killed.release('reply:4');
    // Its files stay as a kill leaves them.
    await killed.write('reply:5', FIRST_WRITER, 2, ['b']);
    const next = await open();
    for (const stream of ['reply:1', 'reply:2', 'reply:3', 'reply:5']) {
      expect((await next.takeOver(stream)).entries).toHaveLength(2);
      next.release(stream);
    }
    await next.close();
    expect(await readdir(directory)).toEqual([]);
  });

  it('goes on in another file when it could not write', async () => {
    const log = await open();
    await log.write('reply:1', FIRST_WRITER, 1, ['a']);
    await rm(directory, { recursive: true });
    log.release('reply:1');
    // The file that is open is gone with its last stream, and no other can be made.
    await log.write('reply:2', FIRST_WRITER, 1, ['a']);
    await mkdir(directory);
    await log.write('reply:2', FIRST_WRITER, 2, ['b']);
    expect((await log.takeOver('reply:2')).entries.map(({ event }) => event)).toEqual(['a', 'b']);
    await log.write('reply:3', FIRST_WRITER, 1, ['a']);
    expect((await (await open()).takeOver('reply:3')).entries).toHaveLength(1);
    expect(warnings).toHaveLength(1);
  });

  it('that cannot be written is done without, and said once', async () => {
    await writeFile(directory, 'a file where the folder should be');
    const log = await open();
    expect(await log.write('reply:1', FIRST_WRITER, 1, ['a'])).toBe(1);
    expect(await log.write('reply:2', FIRST_WRITER, 1, ['a'])).toBe(1);
    expect(warnings).toHaveLength(1);
  });
});
