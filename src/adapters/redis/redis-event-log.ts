import { Unavailable } from '../../kernel/errors.js';
import { FIRST_WRITER, TakenOver, type EventLog, type LogEntry } from '../../ports/event-log.js';
import { Follower } from '../memory/follower.js';
import { systemTimers } from '../../kernel/timers.js';
import { RedisChannels } from './redis-channels.js';
import type { RedisConnection } from './redis-client.js';
import { RedisScript } from './redis-script.js';

/**
 * KEYS: the stream, and the number of its writer. ARGV: the writer, retention in milliseconds, most events kept, the number of
 * the first event, then the events. Answers the last number that the stream has, or -1 when it has a later writer.
 */
const WRITE = new RedisScript(`
if tonumber(redis.call('GET', KEYS[2]) or '${FIRST_WRITER}') > tonumber(ARGV[1]) then return -1 end
local top = redis.call('XREVRANGE', KEYS[1], '+', '-', 'COUNT', 1)[1]
local last = top and tonumber(string.match(top[1], '^%d+')) or 0
local first = tonumber(ARGV[4])
if first > last + 1 then return last end
local added = {}
for i = last - first + 6, #ARGV do
  redis.call('XADD', KEYS[1], 'MAXLEN', '~', ARGV[3], string.format('%d-0', first + i - 5), 'event', ARGV[i])
  added[#added + 1] = ARGV[i]
end
redis.call('PEXPIRE', KEYS[1], ARGV[2])
if #added > 0 then
  redis.call('PUBLISH', KEYS[1], '{"first":' .. last + 1 .. ',"events":[' .. table.concat(added, ',') .. ']}')
end
return last + #added
`);

/** KEYS: as of WRITE. ARGV[1]: retention in milliseconds. Answers the new writer's number, and all entries. */
const TAKE_OVER = new RedisScript(`
local writer = redis.call('INCR', KEYS[2])
redis.call('PEXPIRE', KEYS[2], ARGV[1])
return { writer, redis.call('XRANGE', KEYS[1], '-', '+') }
`);

/** Before what a channel may have missed is read again. */
const RETRY_MS = 200;

/** An entry as Redis answers it: its id, `<sequence>-0`, and its fields, name and value in turn. */
type RawEntry = readonly [id: string, fields: readonly string[]];

interface Message {
  readonly first: number;
  readonly events: readonly unknown[];
}

interface RedisEventLogOptions {
  readonly redis: RedisConnection;
  /** How long a stream is kept after its last event, in milliseconds; default 5 minutes. */
  readonly retentionMs?: number;
  /** About the most events kept of a stream, the newest, and the furthest that a reader may fall behind; default 10,000. */
  readonly maxEvents?: number;
}

/** This instance's state of a followed stream. */
interface Channel {
  readonly followers: Set<Follower<unknown>>;
  /** Entries that arrive while a follower is still opening, one list per follower. */
  readonly held: Set<LogEntry<unknown>[]>;
  readonly subscribed: Promise<void>;
  /** Up to this number, no follower and no held list lacks an entry that it wants. */
  last: number;
  filling: boolean;
  /** Counts how often something may not have come. */
  missed: number;
}

/**
 * The event log of several instances: a Redis Stream keeps the events of a stream as JSON, with their numbers as ids, and a
 * channel of the same name brings them to the instances that have readers, each once however many these are. What a channel
 * lost is seen by the gap in the numbers, or by its reconnection, and read from the stream.
 *
 * Nothing here is tried again: a writer repeats what it does not know to be written, and the stream takes each number once.
 */
export class RedisEventLog implements EventLog {
  readonly isShared = true;
  private readonly redis: RedisConnection;
  private readonly retentionMs: number;
  private readonly maxEvents: number;
  private readonly channels = new Map<string, Channel>();
  private readonly subscriptions: RedisChannels;
  private closed = false;

  constructor({ redis, retentionMs = 300_000, maxEvents = 10_000 }: RedisEventLogOptions) {
    this.redis = redis;
    this.retentionMs = retentionMs;
    this.maxEvents = maxEvents;
    this.subscriptions = new RedisChannels(redis, {
      message: (key, text) => {
        const { first, events } = JSON.parse(text) as Message;
        this.receive(key, first, events);
      },
      restored: (key) => {
        this.miss(key);
      },
    });
  }

  /** Numbers of held items, for tests and metrics. */
  get size(): { readonly streams: number; readonly followers: number } {
    let followers = 0;
    for (const channel of this.channels.values()) followers += channel.followers.size;
    return { streams: this.channels.size, followers };
  }

  async write(stream: string, writer: number, first: number, events: readonly unknown[]): Promise<number> {
    const texts = events.map((event) => JSON.stringify(event));
    const values = [writer, this.retentionMs, this.maxEvents, first, ...texts];
    const last = Number(
      await orUnavailable(() => this.redis.run((redis) => WRITE.run(redis, this.keys(stream), values))),
    );
    if (last < 0) throw new TakenOver();
    return last;
  }

  async takeOver<Event>(stream: string): Promise<{ writer: number; entries: readonly LogEntry<Event>[] }> {
    const taken = await orUnavailable(() =>
      this.redis.run((redis) => TAKE_OVER.run(redis, this.keys(stream), [this.retentionMs])),
    );
    const [writer, entries] = taken as [writer: number, entries: RawEntry[]];
    return { writer, entries: entries.map(parseEntry) as LogEntry<Event>[] };
  }

  async follow<Event>(
    stream: string,
    after: number,
    signal: AbortSignal,
  ): Promise<AsyncIterableIterator<LogEntry<Event>>> {
    const [key] = this.keys(stream);
    const channel = this.channelOf(key);
    const held: LogEntry<unknown>[] = [];
    channel.held.add(held);
    try {
      await orUnavailable(() => channel.subscribed);
      // With the one before, which shows that the stream has come that far.
      const entries = await this.read(key, Math.max(after - 1, 0));
      const isAlone = channel.followers.size === 0 && channel.held.size === 1;
      if (isAlone) channel.last = Math.max(channel.last, lastOf(entries));
      // Others may still wait for what was read here, and would pass it over if a later entry came to them first.
      else if (followsOn(channel, entries)) deliver(channel, entries);
      const follower = new Follower<Event>(after, signal, this.maxEvents, () => {
        channel.followers.delete(follower as Follower<unknown>);
        this.forgetIfUnused(key, channel);
      });
      channel.followers.add(follower as Follower<unknown>);
      if (signal.aborted || this.closed) follower.end();
      follower.pushAll(entries as LogEntry<Event>[]);
      follower.pushAll(held as LogEntry<Event>[]);
      return follower;
    } finally {
      channel.held.delete(held);
      this.forgetIfUnused(key, channel);
    }
  }

  /** Redis drops it when its time is over. */
  release(): void {
    return;
  }

  /** Ends every reader. The owner of the connection closes it. */
  close(): Promise<void> {
    this.closed = true;
    for (const { followers } of [...this.channels.values()]) for (const follower of [...followers]) follower.end();
    this.subscriptions.close();
    return Promise.resolve();
  }

  private keys(stream: string): [key: string, writer: string] {
    // Not `events:`, under which 0.1.0 keeps entries of another form: neither release may read those of the other.
    const key = `${this.redis.keyPrefix}log:${stream}`;
    return [key, `${key}:writer`];
  }

  private channelOf(key: string): Channel {
    let channel = this.channels.get(key);
    if (channel === undefined) {
      const subscribed = this.subscriptions.subscribe(key);
      channel = { followers: new Set(), held: new Set(), subscribed, last: 0, filling: false, missed: 0 };
      this.channels.set(key, channel);
      const opened = channel;
      subscribed.catch(() => {
        // Whoever follows next subscribes anew.
        if (this.channels.get(key) === opened) this.channels.delete(key);
      });
    }
    return channel;
  }

  private receive(key: string, first: number, events: readonly unknown[]): void {
    const channel = this.channels.get(key);
    if (channel === undefined) return;
    const entries = events.map((event, index) => ({ sequence: first + index, event }));
    if (followsOn(channel, entries)) deliver(channel, entries);
    else this.miss(key);
  }

  /** Something may not have come. */
  private miss(key: string): void {
    const channel = this.channels.get(key);
    if (channel === undefined) return;
    channel.missed++;
    void this.fill(key);
  }

  /** Reads what the channel did not bring, until the stream has no more than was delivered. */
  private async fill(key: string): Promise<void> {
    const channel = this.channels.get(key);
    if (channel === undefined || channel.filling) return;
    channel.filling = true;
    const filled = channel.missed;
    try {
      deliver(channel, await this.read(key, channel.last));
    } catch {
      // Redis is gone, which the connection logs. Its return may come later than that of the channels' connection.
      await systemTimers.sleep(RETRY_MS);
      channel.missed++;
    } finally {
      channel.filling = false;
    }
    if (channel.missed > filled && this.channels.get(key) === channel && !this.closed) void this.fill(key);
  }

  private async read(key: string, after: number): Promise<readonly LogEntry<unknown>[]> {
    const raw = await orUnavailable(() => this.redis.run((redis) => redis.xrange(key, `(${after}-0`, '+')));
    return raw.map(parseEntry);
  }

  private forgetIfUnused(key: string, channel: Channel): void {
    if (channel.followers.size > 0 || channel.held.size > 0 || this.channels.get(key) !== channel) return;
    this.channels.delete(key);
    this.subscriptions.unsubscribe(key);
  }
}

const lastOf = (entries: readonly LogEntry<unknown>[]) => entries.at(-1)?.sequence ?? 0;

function followsOn(channel: Channel, [first]: readonly LogEntry<unknown>[]): boolean {
  return first !== undefined && first.sequence <= channel.last + 1;
}

function deliver(channel: Channel, entries: readonly LogEntry<unknown>[]): void {
  channel.last = Math.max(channel.last, lastOf(entries));
  for (const list of channel.held) list.push(...entries);
  for (const follower of channel.followers) follower.pushAll(entries);
}

async function orUnavailable<Result>(work: () => Promise<Result>): Promise<Result> {
  try {
    return await work();
  } catch {
    throw new Unavailable('Events cannot be exchanged at present');
  }
}

function parseEntry([id, fields]: RawEntry): LogEntry<unknown> {
  return { sequence: Number.parseInt(id, 10), event: JSON.parse(fields[1] ?? 'null') };
}
