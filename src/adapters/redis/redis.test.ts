import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { sequencesOf, take } from '../../../test/contracts/event-log.contract.js';
import { startFaultProxy, type FaultProxy } from '../../../test/support/fault-proxy.js';
import { Unavailable } from '../../kernel/errors.js';
import { connectRedis, type RedisConnection } from './redis-client.js';
import { RedisEventLog } from './redis-event-log.js';
import { RedisRateLimitStore } from './redis-rate-limit-store.js';

const FOREVER = new AbortController().signal;
const redisUrl = process.env['TEST_REDIS_URL'];
const describeWithRedis = redisUrl === undefined ? describe.skip : describe;

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
    for (const log of logs.splice(0)) await log.close();
    faulty.close();
    steady.close();
    await proxy.close();
  });

  describe('the event log', () => {
    it('carries events between instances, and any number of streams over one connection', async () => {
      const writer = eventLog(faulty);
      const readers = eventLog(steady);
      const streams = Array.from({ length: 200 }, (_, index) => `stream-${index}`);
      const followed = await Promise.all(streams.map((stream) => readers.follow(stream, 'latest', FOREVER)));
      await Promise.all(streams.map((stream) => writer.append(stream, [stream, 'more'])));
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
      await log.follow('b', 0, FOREVER);
      await log.append('a', ['event']);
      await take(reader, 1);
      await new RedisRateLimitStore(steady).take({ name: 'rule', limit: 1, windowMs: 1_000 }, 'anna');
      const keys = await steady.commands.keys(`${keyPrefix}*`);
      expect(keys.length).toBeGreaterThanOrEqual(2);
      for (const key of keys) expect(await steady.commands.pttl(key)).toBeGreaterThan(0);
    });

    it('loses nothing for a reader whose connection breaks while events come', async () => {
      const writer = eventLog(steady);
      const reader = await eventLog(faulty).follow<number>('stream', 0, FOREVER);
      for (let round = 0; round < 5; round++) {
        const events = Array.from({ length: 10 }, (_, index) => round * 10 + index + 1);
        for (const event of events) await writer.append('stream', [event]);
        proxy.reset();
        expect((await take(reader, 10)).map(({ sequence, event }) => [sequence, event])).toEqual(
          events.map((event) => [event, event]),
        );
      }
    });

    it('mends a short outage in an append', async () => {
      const log = eventLog(faulty);
      await log.append('stream', ['before']);
      proxy.refuse();
      const appending = log.append('stream', ['meanwhile']);
      setImmediate(() => proxy.heal());
      expect(await appending).toEqual([2]);
    });

    it('appends once when the answer was lost and the append is tried again', async () => {
      const log = eventLog(faulty);
      await log.append('stream', ['a']);
      proxy.mute();
      const sent = proxy.nextRequest();
      const appending = log.append('stream', ['b', 'c']);
      await sent;
      // Check over another connection that the command ran.
      const witness = await eventLog(steady).follow('stream', 0, FOREVER);
      expect(sequencesOf(await take(witness, 3))).toEqual([1, 2, 3]);
      proxy.heal();
      expect(await appending).toEqual([2, 3]);
      await log.append('stream', ['d']);
      expect((await take(witness, 1))[0]).toEqual({ sequence: 4, event: 'd' });
    });

    it('rejects with Unavailable while Redis is gone, and recovers', async () => {
      const log = eventLog(faulty);
      const reader = await log.follow('stream', 0, FOREVER);
      proxy.refuse();
      await expect(log.append('stream', ['lost'])).rejects.toThrow(Unavailable);
      await expect(log.follow('stream', 0, FOREVER)).rejects.toThrow(Unavailable);
      await expect(log.has('stream')).rejects.toThrow(Unavailable);
      expect(log.size.followers).toBe(1);
      proxy.heal();
      await recovered();
      await log.append('stream', ['kept']);
      expect(await take(reader, 1)).toEqual([{ sequence: 1, event: 'kept' }]);
    });

    it("goes on with a stream's numbers when Redis has lost it, and no longer claims to hold it", async () => {
      const log = eventLog(steady);
      await log.append('stream', ['a', 'b']);
      const reader = await log.follow('stream', 2, FOREVER);
      await steady.commands.del(`${keyPrefix}events:stream`);
      expect(await log.append('stream', ['c'])).toEqual([3]);
      expect(await take(reader, 1)).toEqual([{ sequence: 3, event: 'c' }]);
      expect(await log.has('stream')).toBe(false);
      await expect(log.follow('stream', 0, FOREVER)).rejects.toThrow('Events this old are no longer kept');
    });

    it('reaches readers again after another instance has begun a lost stream anew', async () => {
      const key = `${keyPrefix}events:stream`;
      const reader = await eventLog(steady, 300).follow('stream', 0, FOREVER);
      await eventLog(faulty).append('stream', ['a', 'b']);
      await take(reader, 2);
      await steady.commands.del(key);
      const another = eventLog(faulty);
      expect(await another.append('stream', ['begun anew'])).toEqual([1]);
      // The reader's instance has noticed as soon as it has set its own, shorter retention on the key.
      while ((await steady.commands.pttl(key)) > 1_000) await sleep(10);
      expect(await another.append('stream', ['and on'])).toEqual([2]);
      expect(await take(reader, 1)).toEqual([{ sequence: 2, event: 'and on' }]);
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
        new Error(`Redis at 127.0.0.1:${gone.port} cannot be reached (ECONNREFUSED). Check REDIS_URL.`),
      );
    });

    it('answers pings', async () => {
      await expect(faulty.ping()).resolves.toBeUndefined();
      proxy.refuse();
      await expect(faulty.ping()).rejects.toThrow();
    });
  });
});
