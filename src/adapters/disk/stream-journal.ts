import { randomUUID } from 'node:crypto';
import { writeSync } from 'node:fs';
import { mkdir, open, readdir, readFile, rm, stat, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { isMissing } from '../../kernel/error-code.js';
import type { Log } from '../../kernel/log.js';
import type { LogEntry } from '../../ports/event-log.js';
import type { StreamJournal } from '../memory/memory-event-log.js';

/** Replies are ended, and their files removed, within seconds of a start: what is older than a day is of nobody. */
const LEFT_BEHIND_MS = 24 * 3_600_000;
/** Bytes after which another segment is begun. */
const DEFAULT_SEGMENT_BYTES = 1024 * 1024;
/** Segments from which on the streams of the oldest one that still run are moved to the newest. */
const MAX_SEGMENTS = 8;
/** Milliseconds from which on a write is slow: the disk has more to do than to take a line into its cache. */
const SLOW_MS = 20;
/** Milliseconds after a slow write in which nothing waits for the disk. */
const PATIENCE_MS = 30_000;

/** A file of this process. */
interface Segment {
  readonly path: string;
  readonly handle: FileHandle;
  bytes: number;
  /** Those with lines in it that are not forgotten: with the last one the file goes. */
  readonly streams: Set<string>;
}

/** A file of another process, as it was read. */
interface Found {
  readonly bytes: number;
  readonly lines: Map<string, string[]>;
}

/** What is written together. */
interface Batch {
  readonly lines: string[];
  readonly streams: Set<string>;
}

interface NextBatch extends Batch {
  /** Whether it was written. */
  readonly written: Promise<boolean>;
}

/**
 * Segments, to which the events of all streams are appended, a line each. A segment goes when none of its streams is wanted any more.
 * What the system has taken survives the end of the process, though not of the machine: it is not flushed to the disk, since the
 * database is what lasts.
 *
 * The system takes a line in a microsecond, and to have another thread ask it takes a hundred times that. So lines are written at
 * once, unless files are at work (one is opened, read, removed), or a write was slow within the last half minute: then by other
 * threads, and what comes while one write is under way is the next write.
 *
 * When a segment cannot be written (a full disk, too many open files), the streams go on without it: the log says so once.
 */
export class DiskStreamJournal implements StreamJournal {
  private readonly name = randomUUID();
  /** From the oldest to the newest. */
  private readonly segments = new Set<Segment>();
  /** To which lines are appended. */
  private newest: Segment | undefined;
  private count = 0;
  private next: NextBatch | undefined;
  /** The work on files, one piece after the other. */
  private work: Promise<unknown> = Promise.resolve();
  /** The files of other processes, by name. */
  private readonly found = new Map<string, Found>();
  private failed = false;
  /** Pieces of that work that have not ended. */
  private working = 0;
  /** When lines may be written at once again, on the clock of `performance.now()`. */
  private quickFrom = 0;

  constructor(
    private readonly directory: string,
    private readonly log: Pick<Log, 'warn'>,
    private readonly segmentBytes = DEFAULT_SEGMENT_BYTES,
    /** Given instead of Node's by a test. */
    private readonly writeNow: typeof writeSync = writeSync,
  ) {}

  /** Makes the folder, and empties it of what was left behind long ago. */
  async open(): Promise<void> {
    try {
      await mkdir(this.directory, { recursive: true, mode: 0o700 });
      for (const file of await readdir(this.directory)) {
        const path = join(this.directory, file);
        if ((await stat(path)).mtimeMs < Date.now() - LEFT_BEHIND_MS) await rm(path, { force: true });
      }
    } catch (error) {
      this.warn(error);
    }
  }

  async read(stream: string): Promise<readonly LogEntry<unknown>[]> {
    const lines: string[] = [];
    await this.inTurn(async () => {
      for (const { path, streams } of this.segments) {
        if (streams.has(stream)) lines.push(...((await linesOf(path)).get(stream) ?? []));
      }
      await this.find();
      for (const found of this.found.values()) lines.push(...(found.lines.get(stream) ?? []));
    });
    return entriesOf(lines);
  }

  write(stream: string, entries: readonly LogEntry<unknown>[]): boolean | Promise<boolean> {
    if (this.newest !== undefined && this.working === 0 && performance.now() >= this.quickFrom)
      return this.writeAtOnce(this.newest, stream, entries);
    const { lines, streams, written } = this.nextBatch();
    streams.add(stream);
    for (const { sequence, event } of entries) lines.push(lineOf(stream, sequence, event));
    return written;
  }

  forget(stream: string): void {
    void this.inTurn(async () => {
      const holding = [...this.segments].filter(({ streams }) => streams.delete(stream));
      for (const segment of holding) if (segment.streams.size === 0) await this.remove(segment);
      // A process that finds the others after a kill need not keep them for this stream.
      if (holding.some((segment) => this.segments.has(segment))) this.nextBatch().lines.push(lineOf(stream, 0, null));
      for (const [file, { lines }] of this.found) {
        if (!lines.delete(stream) || lines.size > 0) continue;
        this.found.delete(file);
        await rm(join(this.directory, file), { force: true });
      }
    });
  }

  async close(): Promise<void> {
    // What is forgotten may add to what is written.
    await this.inTurn(() => Promise.resolve());
    await this.inTurn(async () => {
      if (this.newest !== undefined) await this.finish(this.newest);
    });
  }

  private writeAtOnce(segment: Segment, stream: string, entries: readonly LogEntry<unknown>[]): boolean {
    const begun = performance.now();
    try {
      const bytes = Buffer.from(entries.map(({ sequence, event }) => lineOf(stream, sequence, event)).join(''));
      for (let from = 0; from < bytes.length;) from += this.writeNow(segment.handle.fd, bytes, from);
      segment.bytes += bytes.length;
      segment.streams.add(stream);
    } catch (error) {
      this.warn(error);
      // Its last line may be half a line.
      void this.inTurn(() => this.finish(segment));
      return false;
    }
    const now = performance.now();
    if (now - begun >= SLOW_MS) this.quickFrom = now + PATIENCE_MS;
    if (segment.bytes >= this.segmentBytes) {
      void this.inTurn(async () => {
        await this.finish(segment);
        await this.makeRoom();
      });
    }
    return true;
  }

  private nextBatch(): NextBatch {
    if (this.next !== undefined) return this.next;
    const batch: Batch = { lines: [], streams: new Set() };
    const written = this.inTurn(async () => {
      // For what this turn of the event loop still brings.
      await new Promise(setImmediate);
      this.next = undefined;
      await this.append(batch);
    });
    this.next = { ...batch, written };
    return this.next;
  }

  /** @returns false when the work failed, which was logged */
  private inTurn(work: () => Promise<void>): Promise<boolean> {
    this.working++;
    const done = this.work.then(work).then(
      () => {
        this.working--;
        return true;
      },
      (error: unknown) => {
        this.working--;
        this.warn(error);
        return false;
      },
    );
    this.work = done;
    return done;
  }

  private async append(batch: Batch): Promise<void> {
    await this.put(batch);
    await this.makeRoom();
  }

  private async makeRoom(): Promise<void> {
    if (this.newest === undefined && this.segments.size >= MAX_SEGMENTS) await this.moveOldest();
  }

  /** So that a stream that runs for long does not keep all that others wrote in the meantime. */
  private async moveOldest(): Promise<void> {
    const [oldest] = this.segments;
    if (oldest === undefined) return;
    const { streams } = oldest;
    const found = await linesOf(oldest.path);
    const lines = [...streams].flatMap((stream) => found.get(stream) ?? []).map((line) => `${line}\n`);
    await this.put({ lines, streams });
    await this.remove(oldest);
  }

  private async put({ lines, streams }: Batch): Promise<void> {
    const segment = this.newest ?? (await this.begin());
    try {
      const bytes = Buffer.from(lines.join(''));
      for (let from = 0; from < bytes.length;) from += (await segment.handle.write(bytes, from)).bytesWritten;
      segment.bytes += bytes.length;
      for (const stream of streams) segment.streams.add(stream);
      if (segment.bytes >= this.segmentBytes) await this.finish(segment);
    } catch (error) {
      // Its last line may be half a line.
      await this.finish(segment);
      throw error;
    }
  }

  private async begin(): Promise<Segment> {
    const path = join(this.directory, `${this.name}.${++this.count}`);
    const segment = { path, handle: await open(path, 'a', 0o600), bytes: 0, streams: new Set<string>() };
    this.segments.add(segment);
    this.newest = segment;
    return segment;
  }

  /** Writes no more into a segment. */
  private async finish(segment: Segment): Promise<void> {
    if (this.newest === segment) this.newest = undefined;
    if (segment.streams.size === 0) await this.remove(segment);
    else await segment.handle.close();
  }

  private async remove(segment: Segment): Promise<void> {
    if (this.newest === segment) this.newest = undefined;
    this.segments.delete(segment);
    // Closed already, or now.
    await segment.handle.close();
    await rm(segment.path, { force: true });
  }

  /** Reads what other processes have written, where that is not known. */
  private async find(): Promise<void> {
    const forgotten: string[] = [];
    for (const file of await readdir(this.directory)) {
      if (file.startsWith(this.name)) continue;
      const path = join(this.directory, file);
      try {
        const { size } = await stat(path);
        if (this.found.get(file)?.bytes === size) continue;
        this.found.set(file, { bytes: size, lines: await linesOf(path, forgotten) });
      } catch (error) {
        if (!isMissing(error)) throw error;
        // Its process has ended what was in it.
        this.found.delete(file);
      }
    }
    for (const { lines } of this.found.values()) for (const stream of forgotten) lines.delete(stream);
  }

  private warn(error: unknown): void {
    if (this.failed) return;
    this.failed = true;
    this.log.warn(
      { err: error },
      'replies are not written to the disk as they come: if this process is killed, the last half second of them is lost',
    );
  }
}

/** @param sequence 0 where the stream is forgotten */
function lineOf(stream: string, sequence: number, event: unknown): string {
  return `${JSON.stringify([stream, sequence, event])}\n`;
}

/**
 * The lines of each stream of a file, without one that was cut.
 * @param forgotten gets the streams that are forgotten
 */
async function linesOf(path: string, forgotten: string[] = []): Promise<Map<string, string[]>> {
  const byStream = new Map<string, string[]>();
  for (const line of (await readFile(path, 'utf8')).split('\n').slice(0, -1)) {
    const [, name, sequence] = /^\[("(?:[^"\\]|\\.)*"),(\d+),/.exec(line) ?? [];
    if (name === undefined) continue;
    const stream = JSON.parse(name) as string;
    const lines = byStream.get(stream);
    if (sequence === '0') forgotten.push(stream);
    else if (lines === undefined) byStream.set(stream, [line]);
    else lines.push(line);
  }
  return byStream;
}

/** The entries of a stream up to a gap. A line may be there twice. */
function entriesOf(lines: readonly string[]): readonly LogEntry<unknown>[] {
  const events = new Map<number, unknown>();
  for (const line of lines) {
    try {
      const [, sequence, event] = JSON.parse(line) as [string, number, unknown];
      events.set(sequence, event);
    } catch {
      // It was cut by a disk that was full.
    }
  }
  const entries: LogEntry<unknown>[] = [];
  for (let sequence = 1; events.has(sequence); sequence++) entries.push({ sequence, event: events.get(sequence) });
  return entries;
}
