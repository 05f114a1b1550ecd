import { randomUUID } from 'node:crypto';
import { MemoryRateLimitStore } from '../../src/adapters/memory/memory-rate-limit-store.js';
import { PostgresRateLimitStore } from '../../src/adapters/postgres/postgres-rate-limit-store.js';
import { connectRedis } from '../../src/adapters/redis/redis-client.js';
import { RedisRateLimitStore } from '../../src/adapters/redis/redis-rate-limit-store.js';
import { testDatabases } from '../support/database.js';
import { rateLimitStoreContract } from './rate-limit-store.contract.js';

rateLimitStoreContract('memory', () => {
  const store = new MemoryRateLimitStore();
  return Promise.resolve({ store, close: () => store.close() });
});

for (const { name, open } of testDatabases()) {
  rateLimitStoreContract(`the database (${name})`, async () => {
    const database = await open();
    return { store: new PostgresRateLimitStore(database), close: () => database.drop() };
  });
}

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
