import { randomUUID } from 'node:crypto';
import { MemoryEventLog } from '../../src/adapters/memory/memory-event-log.js';
import { connectRedis } from '../../src/adapters/redis/redis-client.js';
import { RedisEventLog } from '../../src/adapters/redis/redis-event-log.js';
import { eventLogContract } from './event-log.contract.js';

eventLogContract('memory', (retentionMs) => {
  const log = new MemoryEventLog({ retentionMs });
  return Promise.resolve({ log, followers: () => log.size.followers, close: () => log.close() });
});

const redisUrl = process.env['TEST_REDIS_URL'];
if (redisUrl !== undefined) {
  eventLogContract('Redis', async (retentionMs) => {
    const log = { info: () => {}, warn: () => {} };
    const keyPrefix = `test:${randomUUID()}:`;
    const redis = await connectRedis({ url: redisUrl, log, keyPrefix, commandTimeoutMs: 10_000 });
    const events = new RedisEventLog({ redis, retentionMs });
    return {
      log: events,
      followers: () => events.size.followers,
      close: async () => {
        await events.close();
        redis.close();
      },
    };
  });
}
