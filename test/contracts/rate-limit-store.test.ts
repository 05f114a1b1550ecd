import { randomUUID } from 'node:crypto';
import { MemoryRateLimitStore } from '../../src/adapters/memory/memory-rate-limit-store.js';
import { connectRedis } from '../../src/adapters/redis/redis-client.js';
import { RedisRateLimitStore } from '../../src/adapters/redis/redis-rate-limit-store.js';
import { rateLimitStoreContract } from './rate-limit-store.contract.js';

rateLimitStoreContract('memory', () => {
  const store = new MemoryRateLimitStore();
  return Promise.resolve({ store, close: () => store.close() });
});

const redisUrl = process.env['TEST_REDIS_URL'];
if (redisUrl !== undefined) {
  rateLimitStoreContract('Redis', async () => {
    const log = { info: () => {}, warn: () => {} };
    const keyPrefix = `test:${randomUUID()}:`;
    const redis = await connectRedis({ url: redisUrl, log, keyPrefix, commandTimeoutMs: 10_000 });
    const store = new RedisRateLimitStore(redis);
    return {
      store,
      close: async () => {
        await store.close();
        redis.close();
      },
    };
  });
}
