import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { takeEvents } from '../../../test/contracts/event-bus.contract.js';
import { sequencesOf, take, writerOf } from '../../../test/contracts/event-log.contract.js';
import { eventually } from '../../../test/support/eventually.js';
import { startFaultProxy, type FaultProxy } from '../../../test/support/fault-proxy.js';
import { Unavailable } from '../../kernel/errors.js';
import { FIRST_WRITER } from '../../ports/event-log.js';
import { connectRedis, type RedisConnection } from './redis-client.js';
import { RedisEventBus } from './redis-event-bus.js';
import { RedisEventLog } from './redis-event-log.js';
import { RedisRateLimitStore } from './redis-rate-limit-store.js';

const FOREVER = new AbortController().signal;
const redisUrl = process.env['TEST_REDIS_URL'];
const describeWithRedis = redisUrl === undefined ? describe.skip : describe;

/** The connection, whose answers arrive when the test says so: each in turn is a function that lets it through. */
function withheldAnswers(redis: RedisConnection) {
  const held: (() => void)[] = [];
  let isReleased = false;
  const run: RedisConnection['run'] = async (command) => {
    const answer = await redis.run(command);
    if (!isReleased) await new Promise<void>((resolve) => held.push(resolve));
    return answer;
  };
  return {
    redis: { ...redis, run },
    answers: {
      next: async () => {
        while (held.length === 0) await sleep(1);
        return held.shift() ?? (() => {});
      },
      release: () => {
        isReleased = true;
        for (const answer of held) answer();
      },
    },
  };
}

describeWithRedis('on Redis, over a network that fails', () => {
  const target = new URL(redisUrl ?? 'redis://127.0.0.1:6379');
  let proxy: FaultProxy;
  let keyPrefix: string;
  let logged: string[];
  /** The connection through the proxy, and the direct one. */
  let faulty: RedisConnection;
  let steady: RedisConnection;
  const logs: RedisEventLog[] = [];

  const connectTo = (url: URL, commandTimeoutMs: number) => {
    const note = (level: string) => (_: object, message: string) => logged.push(`${level}: ${message}`);
    return connectRedis({
      url: url.href,
      log: { info: note('info'), warn: note('warn') },
      keyPrefix,
      commandTimeoutMs,
    });
  };
  const eventLog = (redis: RedisConnection, retentionMs = 60_000) => {
    const log = new RedisEventLog({ redis, retentionMs });
    logs.push(log);
    return log;
  };
  const buses: RedisEventBus[] = [];
  const eventBus = (redis: RedisConnection) => {
    const bus = new RedisEventBus(redis, { warn: () => {} });
    buses.push(bus);
    return bus;
  };
  /** The channels of this test that somebody is subscribed to. */
  const subscribed = async () => (await steady.commands.pubsub('CHANNELS', `${keyPrefix}*`)) as string[];
  const recovered = async () => {
    while (faulty.commands.status !== 'ready') await sleep(10);
  };

  beforeEach(async () => {
    keyPrefix = `test:${randomUUID()}:`;
    logged = [];
    proxy = await startFaultProxy({ host: target.hostname, port: Number(target.port || '6379') });
    const throughProxy = new URL(target);
    throughProxy.hostname = '127.0.0.1';
    throughProxy.port = String(proxy.port);
    faulty = await connectTo(throughProxy, 200);
    steady = await connectTo(target, 10_000);
  });
  afterEach(async () => {
    for (const opened of [...logs.splice(0), ...buses.splice(0)]) await opened.close();
    faulty.close();
    steady.close();
    await proxy.close();
  });

  describe('the event log', () => {
    it('carries events between instances, and any number of streams over one connection', async () => {
      const writer = eventLog(faulty);
      const readers = eventLog(steady);
      const streams = Array.from({ length: 200 }, (_, index) => `stream-${index}`);
      const followed = await Promise.all(streams.map((stream) => readers.follow(stream, 0, FOREVER)));
      await Promise.all(streams.map((stream) => writer.write(stream, FIRST_WRITER, 1, [stream, 'more'])));
      for (const [index, reader] of followed.entries()) {
        expect(await take(reader, 2)).toEqual([
          { sequence: 1, event: `stream-${index}` },
          { sequence: 2, event: 'more' },
        ]);
      }
    });

    it('holds nothing of followers that were aborted', async () => {
      const log = eventLog(steady);
      const controller = new AbortController();
      const streams = Array.from({ length: 1000 }, (_, index) => `stream-${index % 50}`);
      const readers = await Promise.all(streams.map((stream) => log.follow(stream, 0, controller.signal)));
      expect(log.size).toEqual({ streams: 50, followers: 1000 });
      controller.abort();
      for (const reader of readers) expect((await reader.next()).done).toBe(true);
      expect(log.size).toEqual({ streams: 0, followers: 0 });
    });

    it('leaves no key without an end', async () => {
      const log = eventLog(steady);
      const reader = await log.follow('a', 0, FOREVER);
      await log.write('a', FIRST_WRITER, 1, ['event']);
      await log.takeOver('b');
      await take(reader, 1);
      const bus = eventBus(steady);
      const news = await bus.subscribe('topic', FOREVER);
      bus.publish('topic', ['news']);
      await news.next();
      await new RedisRateLimitStore(steady).take({ name: 'rule', limit: 1, windowMs: 1_000 }, 'anna');
      const keys = await steady.commands.keys(`${keyPrefix}*`);
      expect(keys.length).toBeGreaterThanOrEqual(5);
      for (const key of keys) expect(await steady.commands.pttl(key)).toBeGreaterThan(0);
    });

    it('loses nothing for a reader whose connection breaks while events come', async () => {
      const write = writerOf(eventLog(steady), 'stream');
      const reader = await eventLog(faulty).follow<number>('stream', 0, FOREVER);
      for (let round = 0; round < 5; round++) {
        const events = Array.from({ length: 10 }, (_, index) => round * 10 + index + 1);
        for (const event of events) await write(event);
        proxy.reset();
        expect((await take(reader, 10)).map(({ sequence, event }) => [sequence, event])).toEqual(
          events.map((event) => [event, event]),
        );
      }
    });

    it('reads what a channel did not bring as soon as it shows', async () => {
      const write = writerOf(eventLog(steady), 'stream');
      const reader = await eventLog(steady).follow<string>('stream', 0, FOREVER);
      await write('a');
      // Written without a word in the channel.
      await steady.commands.xadd(`${keyPrefix}log:stream`, '2-0', 'event', '"b"');
      await eventLog(steady).write('stream', FIRST_WRITER, 3, ['c']);
      expect((await take(reader, 3)).map(({ event }) => event)).toEqual(['a', 'b', 'c']);
    });

    it('gives each of several readers all that it lacks, in whatever order what they read comes back', async () => {
      const write = writerOf(eventLog(steady), 'stream');
      await write('a', 'b');
      const { redis, answers } = withheldAnswers(steady);
      const log = eventLog(redis);
      const arrivals = await eventLog(steady).follow('stream', 2, FOREVER);
      const first = log.follow('stream', 0, FOREVER);
      const answerFirst = await answers.next();
      // What comes before the reader knows where it stands is seen as a gap, and read from the stream.
      await write('c');
      const answerGap = await answers.next();
      await write('d');
      await take(arrivals, 2);
      answerFirst();
      const second = log.follow('stream', 0, FOREVER);
      (await answers.next())();
      const readers = [await first, await second];
      await write('e');
      await take(arrivals, 1);
      answerGap();
      answers.release();
      for (const reader of readers) expect(sequencesOf(await take(reader, 5))).toEqual([1, 2, 3, 4, 5]);
    });

    it('has an event once whose answer was lost, which is written again', async () => {
      const log = eventLog(faulty);
      await log.write('stream', FIRST_WRITER, 1, ['a']);
      proxy.mute();
      const sent = proxy.nextRequest();
      const writing = log.write('stream', FIRST_WRITER, 2, ['b', 'c']);
      await sent;
      await expect(writing).rejects.toThrow(Unavailable);
      // Check over another connection that the command ran.
      const witness = await eventLog(steady).follow('stream', 0, FOREVER);
      expect(sequencesOf(await take(witness, 3))).toEqual([1, 2, 3]);
      proxy.heal();
      const again = () => log.write('stream', FIRST_WRITER, 2, ['b', 'c', 'd']).catch(() => 0);
      expect(await eventually(again, (last) => last > 0)).toBe(4);
      expect((await take(witness, 1))[0]).toEqual({ sequence: 4, event: 'd' });
    });

    it('rejects with Unavailable while Redis is gone, and recovers', async () => {
      const log = eventLog(faulty);
      const reader = await log.follow('stream', 0, FOREVER);
      proxy.refuse();
      await expect(log.write('stream', FIRST_WRITER, 1, ['lost'])).rejects.toThrow(Unavailable);
      await expect(log.follow('stream', 0, FOREVER)).rejects.toThrow(Unavailable);
      await expect(log.takeOver('stream')).rejects.toThrow(Unavailable);
      expect(log.size.followers).toBe(1);
      proxy.heal();
      await recovered();
      await log.write('stream', FIRST_WRITER, 1, ['kept']);
      expect(await take(reader, 1)).toEqual([{ sequence: 1, event: 'kept' }]);
    });

    it('stays subscribed to nothing that it could not be subscribed to', async () => {
      const log = eventLog(faulty);
      const reader = await log.follow('kept', 0, FOREVER);
      proxy.refuse();
      await expect(log.follow('given-up', 0, FOREVER)).rejects.toThrow(Unavailable);
      proxy.heal();
      await eventLog(steady).write('kept', FIRST_WRITER, 1, ['a']);
      await take(reader, 1);
      expect(await subscribed()).toEqual([`${keyPrefix}log:kept`]);
    });

    it('says what it lacks when Redis has lost a stream, and is whole again when that is written', async () => {
      const log = eventLog(steady);
      await log.write('stream', FIRST_WRITER, 1, ['a', 'b']);
      const reader = await log.follow('stream', 1, FOREVER);
      await steady.commands.del(`${keyPrefix}log:stream`);
      expect(await log.write('stream', FIRST_WRITER, 3, ['c'])).toBe(0);
      expect(await log.write('stream', FIRST_WRITER, 1, ['a', 'b', 'c'])).toBe(3);
      expect(await take(reader, 2)).toEqual([
        { sequence: 2, event: 'b' },
        { sequence: 3, event: 'c' },
      ]);
    });
  });

  describe('the event bus', () => {
    it('carries news between instances, over any number of topics', async () => {
      const topics = Array.from({ length: 100 }, (_, index) => `topic-${index}`);
      const listening = eventBus(steady);
      const subscribers = await Promise.all(topics.map((topic) => listening.subscribe(topic, FOREVER)));
      const bus = eventBus(faulty);
      for (const topic of topics) bus.publish(topic, [topic]);
      for (const [index, subscriber] of subscribers.entries()) {
        expect(await takeEvents(subscriber, 1)).toEqual([`topic-${index}`]);
      }
    });

    it('publishes what an outage held up, once and in order', async () => {
      const subscriber = await eventBus(steady).subscribe('topic', FOREVER);
      const bus = eventBus(faulty);
      for (const fault of ['mute', 'refuse'] as const) {
        bus.publish('topic', ['before']);
        await takeEvents(subscriber, 1);
        proxy[fault]();
        for (const event of ['a', 'b', 'c']) bus.publish('topic', [event]);
        while (logged.length === 0 && fault === 'refuse') await sleep(10);
        proxy.heal();
        bus.publish('topic', ['after']);
        expect(await takeEvents(subscriber, 4)).toEqual(['a', 'b', 'c', 'after']);
      }
      await eventually(
        () => Promise.resolve(bus.size.waiting),
        (waiting) => waiting === 0,
      );
    });

    it('stays subscribed to no topic that it could not open', async () => {
      const run = () => Promise.reject(new Error('gone'));
      const bus = eventBus({ ...steady, run });
      await expect(bus.subscribe('topic', FOREVER)).rejects.toThrow(Unavailable);
      await eventually(subscribed, (channels) => channels.length === 0);
    });

    it('loses nothing for a subscriber whose connection breaks, and nothing when Redis forgets the topic', async () => {
      const bus = eventBus(steady);
      const subscriber = await eventBus(faulty).subscribe('topic', FOREVER);
      for (let round = 0; round < 4; round++) {
        for (const number of [1, 2, 3]) bus.publish('topic', [`${round}.${number}`]);
        proxy.reset();
        expect(await takeEvents(subscriber, 3)).toEqual([1, 2, 3].map((number) => `${round}.${number}`));
        if (round === 2) await steady.commands.del(`${keyPrefix}news:topic`);
      }
    });
  });

  describe('the rate limit store', () => {
    const rule = { name: 'login', limit: 5, windowMs: 60_000 };

    it('refuses while Redis is gone, within a moment, and counts on afterwards', async () => {
      const store = new RedisRateLimitStore(faulty);
      await store.take(rule, 'anna');
      for (const fault of ['mute', 'refuse'] as const) {
        proxy[fault]();
        await expect(store.take(rule, 'bert')).rejects.toThrow(
          new Unavailable('Rate limits cannot be checked at present'),
        );
      }
      proxy.heal();
      await recovered();
      expect((await store.take(rule, 'anna')).before).toBe(1);
    });

    it('counts over all instances', async () => {
      const another = await connectTo(target, 10_000);
      const stores = [new RedisRateLimitStore(another), new RedisRateLimitStore(steady)];
      const verdicts = await Promise.all(
        stores.flatMap((store) => Array.from({ length: 50 }, () => store.take(rule, 'anna'))),
      );
      expect(verdicts.filter(({ retryAfterMs }) => retryAfterMs === 0)).toHaveLength(5);
      another.close();
    });

    it('teaches its script to a server that has restarted', async () => {
      const store = new RedisRateLimitStore(steady);
      await store.take(rule, 'anna');
      await steady.commands.script('FLUSH');
      expect((await store.take(rule, 'anna')).before).toBe(1);
    });

    it('puts no identity into a key', async () => {
      await new RedisRateLimitStore(steady).take(rule, 'anna@example.com');
      expect((await steady.commands.keys(`${keyPrefix}*`)).join()).not.toContain('anna');
    });
  });

  describe('the connection', () => {
    it('logs an outage once when it begins and once when it is over', async () => {
      proxy.refuse();
      while (logged.length === 0) await sleep(10);
      for (let reconnections = 0; reconnections < 3; reconnections++) {
        await new Promise((resolve) => faulty.commands.once('reconnecting', resolve));
      }
      proxy.heal();
      await recovered();
      expect(logged).toEqual([
        `warn: Redis at 127.0.0.1:${proxy.port} cannot be reached`,
        `info: Redis at 127.0.0.1:${proxy.port} is back`,
      ]);
    });

    it('tells an operator at the start what cannot be reached, without the password', async () => {
      const gone = await startFaultProxy({ host: '127.0.0.1', port: 1 });
      await gone.close();
      const url = new URL(`redis://user:hunter2@127.0.0.1:${gone.port}`);
      await expect(connectTo(url, 200)).rejects.toThrow(
        `REDIS_URL: Redis at 127.0.0.1:${gone.port} cannot be reached (ECONNREFUSED)`,
      );
    });

    it('refuses a database that the server does not have', async () => {
      const { hostname, port } = new URL(redisUrl ?? '');
      const url = new URL(`redis://${hostname}:${port || '6379'}/99999`);
      await expect(connectTo(url, 2_000)).rejects.toThrow(/^REDIS_URL: .* has no database 99999 /);
    });

    it('does not count the time in which this process was too busy to send a command', async () => {
      const answer = faulty.run((redis) => redis.get(`${keyPrefix}nothing`));
      // Longer than the limit of 200 ms.
      for (const until = performance.now() + 300; performance.now() < until;);
      await expect(answer).resolves.toBeNull();
    });

    it('answers pings', async () => {
      await expect(faulty.ping()).resolves.toBeUndefined();
      proxy.refuse();
      await expect(faulty.ping()).rejects.toThrow();
    });
  });
});
