import { randomUUID } from 'node:crypto';
import { Unavailable } from '../../kernel/errors.js';
import type { Log } from '../../kernel/log.js';
import { systemTimers } from '../../kernel/timers.js';
import type { EventBus } from '../../ports/event-bus.js';
import { AsyncQueue } from '../memory/async-queue.js';
import { RedisChannels } from './redis-channels.js';
import type { RedisConnection } from './redis-client.js';
import { RedisScript } from './redis-script.js';

/** Before news of a topic is tried again: doubled each time, up to the maximum. In milliseconds. */
const RETRY_MS = { first: 100, most: 2_000 };
/** How long news is tried to be published: who has not heard it by then has read anew long since. */
const GIVE_UP_MS = 5 * 60_000;
/** Maximum pieces of news that wait, of all topics, and maximum pieces that a subscriber may fall behind. */
const MAX_WAITING = 100_000;
const MAX_QUEUED = 10_000;
/** About the most entries that a topic keeps, for subscribers whose connection broke, and for how long. */
const KEPT_ENTRIES = 1_000;
const KEPT_MS = 5 * 60_000;

/**
 * KEYS: the topic's stream, and its publishers' last numbers. ARGV: the publisher, the number of this call, time and entries to
 * keep, and the events as a JSON list. A call that comes again, however late, is known by its number.
 */
const PUBLISH = new RedisScript(`
if tonumber(redis.call('HGET', KEYS[2], ARGV[1]) or '0') >= tonumber(ARGV[2]) then return 0 end
redis.call('HSET', KEYS[2], ARGV[1], ARGV[2])
redis.call('PEXPIRE', KEYS[2], ARGV[3])
local top = redis.call('XREVRANGE', KEYS[1], '+', '-', 'COUNT', 1)[1]
local id = redis.call('XADD', KEYS[1], 'MAXLEN', '~', ARGV[4], '*', 'events', ARGV[5])
redis.call('PEXPIRE', KEYS[1], ARGV[3])
redis.call('PUBLISH', KEYS[1], '{"after":"' .. (top and top[1] or '0-0') .. '","id":"' .. id .. '","events":' .. ARGV[5] .. '}')
return 1
`);

interface Message {
  /** The id of the entry before. */
  readonly after: string;
  readonly id: string;
  readonly events: readonly unknown[];
}

type RawEntry = readonly [id: string, fields: readonly string[]];

interface Topic {
  readonly subscribers: Set<AsyncQueue<unknown>>;
  /** Resolves with the id of the last entry at the time of the subscription. */
  readonly opened: Promise<string>;
  /** The id of the last entry that the subscribers have; undefined until the topic is open. */
  last: string | undefined;
  /** Messages that came before that. */
  readonly held: Message[];
  filling: boolean;
  /** Counts how often something may not have come. */
  missed: number;
}

/** News of a topic that is not published yet. */
interface Outbox {
  readonly waiting: { readonly event: unknown; readonly since: number }[];
}

/** The event bus of several instances: a short Redis Stream per topic, and a channel of the same name that brings its entries. */
export class RedisEventBus implements EventBus {
  private readonly publisher = randomUUID();
  private readonly topics = new Map<string, Topic>();
  private readonly outboxes = new Map<string, Outbox>();
  private readonly channels: RedisChannels;
  private readonly closing = new AbortController();
  private published = 0;
  private waiting = 0;
  private hasDropped = false;

  constructor(
    private readonly redis: RedisConnection,
    private readonly log: Pick<Log, 'warn'>,
  ) {
    this.channels = new RedisChannels(redis, {
      message: (key, text) => {
        this.receive(key, JSON.parse(text) as Message);
      },
      restored: (key) => {
        this.miss(key);
      },
    });
  }

  /** Numbers of held items, for tests and metrics. */
  get size(): { readonly topics: number; readonly waiting: number } {
    return { topics: this.topics.size, waiting: this.waiting };
  }

  publish(name: string, events: readonly unknown[]): void {
    if (events.length === 0) return;
    if (this.waiting + events.length > MAX_WAITING) {
      this.drop(events.length);
      return;
    }
    this.waiting += events.length;
    const since = systemTimers.now();
    const news = events.map((event) => ({ event, since }));
    const key = this.keyOf(name);
    const outbox = this.outboxes.get(key);
    if (outbox !== undefined) outbox.waiting.push(...news);
    else {
      const opened = { waiting: news };
      this.outboxes.set(key, opened);
      void this.send(key, opened);
    }
  }

  async subscribe<Event>(name: string, signal: AbortSignal): Promise<AsyncIterableIterator<Event>> {
    const key = this.keyOf(name);
    const topic = this.topicOf(key);
    const subscriber = new AsyncQueue<unknown>(signal, MAX_QUEUED, () => {
      topic.subscribers.delete(subscriber);
      if (topic.subscribers.size > 0 || this.topics.get(key) !== topic) return;
      this.topics.delete(key);
      this.channels.unsubscribe(key);
    });
    topic.subscribers.add(subscriber);
    try {
      await topic.opened;
    } catch {
      subscriber.end();
      throw new Unavailable('Events cannot be exchanged at present');
    }
    if (signal.aborted || this.closing.signal.aborted) subscriber.end();
    return subscriber as AsyncIterableIterator<Event>;
  }

  /** Ends every subscriber, and gives up what waits. The owner of the connection closes it. */
  close(): Promise<void> {
    this.closing.abort();
    for (const { subscribers } of [...this.topics.values()])
      for (const subscriber of [...subscribers]) subscriber.end();
    this.channels.close();
    return Promise.resolve();
  }

  private keyOf(topic: string): string {
    return `${this.redis.keyPrefix}news:${topic}`;
  }

  private async send(key: string, { waiting }: Outbox): Promise<void> {
    for (let delay = RETRY_MS.first; waiting.length > 0 && !this.closing.signal.aborted;) {
      const number = ++this.published;
      const sent = [...waiting];
      const values = [this.publisher, number, KEPT_MS, KEPT_ENTRIES, JSON.stringify(sent.map(({ event }) => event))];
      for (;;) {
        try {
          await this.redis.run((redis) => PUBLISH.run(redis, [key, `${key}:publishers`], values));
          delay = RETRY_MS.first;
          break;
        } catch {
          if (systemTimers.now() - (sent[0]?.since ?? 0) > GIVE_UP_MS) {
            this.drop(sent.length);
            break;
          }
          await systemTimers.sleep(delay, this.closing.signal);
          if (this.isClosed()) return;
          delay = Math.min(2 * delay, RETRY_MS.most);
        }
      }
      waiting.splice(0, sent.length);
      this.waiting -= sent.length;
    }
    this.outboxes.delete(key);
  }

  private isClosed(): boolean {
    return this.closing.signal.aborted;
  }

  private drop(count: number): void {
    if (this.hasDropped) return;
    this.hasDropped = true;
    this.log.warn({ count }, 'news for subscribers was given up, since Redis does not take it; this is logged once');
  }

  private topicOf(key: string): Topic {
    const known = this.topics.get(key);
    if (known !== undefined) return known;
    const opened = this.channels
      .subscribe(key)
      .then(() => this.redis.run((redis) => redis.xrevrange(key, '+', '-', 'COUNT', 1)))
      .then((entries) => entries[0]?.[0] ?? '0-0');
    const topic: Topic = { subscribers: new Set(), opened, last: undefined, held: [], filling: false, missed: 0 };
    this.topics.set(key, topic);
    opened.then(
      (last) => {
        topic.last = last;
        for (const message of topic.held.splice(0)) this.receive(key, message);
      },
      () => {
        // Whoever subscribes next begins anew.
        if (this.topics.get(key) !== topic) return;
        this.topics.delete(key);
        this.channels.unsubscribe(key);
      },
    );
    return topic;
  }

  private receive(key: string, message: Message): void {
    const topic = this.topics.get(key);
    if (topic === undefined) return;
    if (topic.last === undefined) topic.held.push(message);
    else if (message.after === topic.last) deliver(topic, message.id, message.events);
    else if (isLater(message.id, topic.last)) this.miss(key);
  }

  /** Something may not have come. */
  private miss(key: string): void {
    const topic = this.topics.get(key);
    if (topic === undefined) return;
    topic.missed++;
    void this.fill(key);
  }

  /** Reads what the channel did not bring, until the stream has no more than was delivered. */
  private async fill(key: string): Promise<void> {
    const topic = this.topics.get(key);
    if (topic?.last === undefined || topic.filling) return;
    topic.filling = true;
    const filled = topic.missed;
    try {
      const after = `(${topic.last}`;
      const entries: readonly RawEntry[] = await this.redis.run((redis) => redis.xrange(key, after, '+'));
      for (const [id, fields] of entries) {
        if (isLater(id, topic.last)) deliver(topic, id, JSON.parse(fields[1] ?? '[]') as unknown[]);
      }
    } catch {
      // Redis is gone, which the connection logs. Its return may come later than that of the channels' connection.
      await systemTimers.sleep(RETRY_MS.first, this.closing.signal);
      topic.missed++;
    } finally {
      topic.filling = false;
    }
    if (topic.missed > filled && this.topics.get(key) === topic && !this.isClosed()) void this.fill(key);
  }
}

function deliver(topic: Topic, id: string, events: readonly unknown[]): void {
  topic.last = id;
  for (const event of events) for (const subscriber of [...topic.subscribers]) subscriber.push(event);
}

function isLater(id: string, than: string): boolean {
  const [time = 0, number = 0] = id.split('-').map(Number);
  const [otherTime = 0, otherNumber = 0] = than.split('-').map(Number);
  return time > otherTime || (time === otherTime && number > otherNumber);
}
