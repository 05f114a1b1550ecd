import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { LRUCache } from 'lru-cache';
import { Unavailable } from '../../kernel/errors.js';
import type { EventLog, LogEntry } from '../../ports/event-log.js';
import { Follower } from '../memory/follower.js';
import type { RedisConnection } from './redis-client.js';
import { RedisScript } from './redis-script.js';
import { RedisStreamReader, sequenceOf, type RawEntry } from './redis-stream-reader.js';

/** Pauses before an append is tried again; with the commands' own time limit, it gives up after 2 s at most. */
const APPEND_RETRY_DELAYS_MS = [100, 300, 700];
/** Maximum streams whose last sequence number this instance remembers as their writer. */
const REMEMBERED_STREAMS = 10_000;

/**
 * KEYS[1]: the stream. ARGV: retention in milliseconds, most events kept, the last sequence number that the writer knows,
 * a unique name of the append, 1 when it may have run before, then the events. Returns the sequence number before the first.
 */
const APPEND = new RedisScript(`
if ARGV[5] == '1' then
  for _, entry in ipairs(redis.call('XREVRANGE', KEYS[1], '+', '-', 'COUNT', 1000)) do
    if entry[2][4] == ARGV[4] then return tonumber(string.match(entry[1], '^%d+')) - 1 end
  end
end
local top = redis.call('XREVRANGE', KEYS[1], '+', '-', 'COUNT', 1)[1]
local last = math.max(tonumber(ARGV[3]), top and tonumber(string.match(top[1], '^%d+')) or 0)
for i = 6, #ARGV do
  local id = string.format('%d-0', last + i - 5)
  if i == 6 then
    redis.call('XADD', KEYS[1], 'MAXLEN', '~', ARGV[2], id, 'event', ARGV[i], 'append', ARGV[4])
  else
    redis.call('XADD', KEYS[1], 'MAXLEN', '~', ARGV[2], id, 'event', ARGV[i])
  end
end
redis.call('PEXPIRE', KEYS[1], ARGV[1])
return last
`);

/** KEYS[1]: the stream. ARGV[1]: a sequence number, or `latest`. Answers the last id, the first id, and the entries after. */
const OPEN = new RedisScript(`
local last = redis.call('XREVRANGE', KEYS[1], '+', '-', 'COUNT', 1)[1]
local first = redis.call('XRANGE', KEYS[1], '-', '+', 'COUNT', 1)[1]
local entries = {}
if ARGV[1] ~= 'latest' then entries = redis.call('XRANGE', KEYS[1], '(' .. ARGV[1] .. '-0', '+') end
return { last and last[1] or '0-0', first and first[1] or '1-0', entries }
`);

interface RedisEventLogOptions {
  readonly redis: RedisConnection;
  /** How long a stream that nobody follows is kept after its last event, in milliseconds; default 5 minutes. */
  readonly retentionMs?: number;
  /** About the most events kept of a stream, the newest, and the furthest that a reader may fall behind; default 10,000. */
  readonly maxEvents?: number;
}

/** This instance's state of a followed stream. */
interface Channel {
  readonly followers: Set<Follower<unknown>>;
  /** Events that arrive while a follower is still opening, one list per follower. */
  readonly held: Set<LogEntry<unknown>[]>;
}

/**
 * The event log of several instances, in Redis Streams; events are kept as JSON. A stream's entry ids are its sequence
 * numbers, given by a script, so they have no gap. Writers of one stream may be several; each should await one append
 * before the next, or a retry can change their order.
 *
 * Without Redis, `append` tries for about 2 s, then rejects with `Unavailable`: the writer keeps its events, does without
 * readers for a while, and appends them with the next ones. `follow` rejects at once. Those already following wait, and go
 * on where they were. When Redis has lost a stream, one that is written on by the same instance goes on with its numbers.
 */
export class RedisEventLog implements EventLog {
  private readonly redis: RedisConnection;
  private readonly retentionMs: number;
  private readonly maxEvents: number;
  private readonly reader: RedisStreamReader;
  private readonly channels = new Map<string, Channel>();
  private readonly lastAppended = new LRUCache<string, number>({ max: REMEMBERED_STREAMS });
  private closed = false;

  constructor({ redis, retentionMs = 300_000, maxEvents = 10_000 }: RedisEventLogOptions) {
    this.redis = redis;
    this.retentionMs = retentionMs;
    this.maxEvents = maxEvents;
    this.reader = new RedisStreamReader(redis, retentionMs, {
      entries: (key, entries) => this.deliver(key, entries.map(parseEntry)),
      rewound: (key, sequence) => {
        for (const follower of this.channels.get(key)?.followers ?? []) follower.rewind(sequence);
      },
    });
  }

  /** Numbers of held items, for tests and metrics. */
  get size(): { readonly streams: number; readonly followers: number } {
    let followers = 0;
    for (const channel of this.channels.values()) followers += channel.followers.size;
    return { streams: this.channels.size, followers };
  }

  /** @throws Unavailable when Redis stays out of reach; the events may have been appended all the same */
  async append(stream: string, events: readonly unknown[]): Promise<readonly number[]> {
    if (events.length === 0) return [];
    const key = this.keyOf(stream);
    const name = randomUUID();
    const texts = events.map((event) => JSON.stringify(event));
    const tryOnce = (again: boolean) =>
      APPEND.run(
        this.redis.commands,
        [key],
        [this.retentionMs, this.maxEvents, this.lastAppended.get(key) ?? 0, name, again ? 1 : 0, ...texts],
      );
    const before = Number(await this.persist(tryOnce));
    const sequences = events.map((_, index) => before + 1 + index);
    this.lastAppended.set(key, before + events.length);
    return sequences;
  }

  async has(stream: string): Promise<boolean> {
    const entries = await this.orUnavailable(() =>
      this.redis.commands.xrange(this.keyOf(stream), '-', '+', 'COUNT', 1),
    );
    return entries[0]?.[0] === '1-0';
  }

  /** @throws Unavailable when events after `after` are no longer kept, or Redis cannot be reached */
  async follow<Event>(
    stream: string,
    after: number | 'latest',
    signal: AbortSignal,
  ): Promise<AsyncIterableIterator<LogEntry<Event>>> {
    const key = this.keyOf(stream);
    const channel = this.channelOf(key);
    // The shared read may bring entries before this answer does.
    const held: LogEntry<unknown>[] = [];
    channel.held.add(held);
    try {
      const opened = parseOpened(await this.orUnavailable(() => OPEN.run(this.redis.commands, [key], [after])));
      if (after !== 'latest' && after + 1 < opened.first) throw new Unavailable('Events this old are no longer kept');
      if (!this.reader.follows(key)) await this.orUnavailable(() => this.reader.follow(key, opened.last));
      const seen = after === 'latest' ? opened.last : after;
      const follower = new Follower<Event>(seen, signal, this.maxEvents, (ended) => {
        channel.followers.delete(ended as Follower<unknown>);
        this.forgetIfUnused(key, channel);
      });
      channel.followers.add(follower as Follower<unknown>);
      if (signal.aborted || this.closed) follower.end();
      follower.push(opened.entries as LogEntry<Event>[]);
      follower.push(held as LogEntry<Event>[]);
      return follower;
    } finally {
      channel.held.delete(held);
      this.forgetIfUnused(key, channel);
    }
  }

  /** Ends every reader. The owner of the connection closes it. */
  close(): Promise<void> {
    this.closed = true;
    for (const { followers } of [...this.channels.values()]) {
      for (const follower of [...followers]) follower.end();
    }
    this.reader.close();
    return Promise.resolve();
  }

  private keyOf(stream: string): string {
    return `${this.redis.keyPrefix}events:${stream}`;
  }

  private channelOf(key: string): Channel {
    let channel = this.channels.get(key);
    if (channel === undefined) {
      channel = { followers: new Set(), held: new Set() };
      this.channels.set(key, channel);
    }
    return channel;
  }

  private deliver(key: string, entries: readonly LogEntry<unknown>[]): void {
    const channel = this.channels.get(key);
    for (const held of channel?.held ?? []) held.push(...entries);
    for (const follower of channel?.followers ?? []) follower.push(entries);
  }

  private forgetIfUnused(key: string, channel: Channel): void {
    if (channel.followers.size > 0 || channel.held.size > 0 || this.channels.get(key) !== channel) return;
    this.channels.delete(key);
    this.reader.unfollow(key);
  }

  private async persist(tryOnce: (again: boolean) => Promise<unknown>): Promise<unknown> {
    for (let tries = 0; ; tries++) {
      try {
        return await tryOnce(tries > 0);
      } catch {
        const delay = APPEND_RETRY_DELAYS_MS[tries];
        if (delay === undefined || this.closed) throw unreachable();
        await sleep(delay);
      }
    }
  }

  private async orUnavailable<Result>(work: () => Promise<Result>): Promise<Result> {
    try {
      return await work();
    } catch {
      throw unreachable();
    }
  }
}

function unreachable(): Unavailable {
  return new Unavailable('Events cannot be exchanged at present');
}

function parseEntry([id, fields]: RawEntry): LogEntry<unknown> {
  return { sequence: sequenceOf(id), event: JSON.parse(fields[1] ?? 'null') };
}

function parseOpened(answer: unknown) {
  const [last, first, entries] = answer as [last: string, first: string, entries: RawEntry[]];
  return { last: sequenceOf(last), first: sequenceOf(first), entries: entries.map(parseEntry) };
}
