import { randomUUID } from 'node:crypto';
import { MemoryEventBus } from '../../src/adapters/memory/memory-event-bus.js';
import { connectRedis } from '../../src/adapters/redis/redis-client.js';
import { RedisEventBus } from '../../src/adapters/redis/redis-event-bus.js';
import { eventBusContract } from './event-bus.contract.js';

eventBusContract('memory', () => {
  const bus = new MemoryEventBus();
  return Promise.resolve({ bus, topics: () => bus.size.topics, close: () => bus.close() });
});

const redisUrl = process.env['TEST_REDIS_URL'];
if (redisUrl !== undefined) {
  eventBusContract('Redis', async () => {
    const log = { info: () => {}, warn: () => {} };
    const keyPrefix = `test:${randomUUID()}:`;
    const redis = await connectRedis({ url: redisUrl, log, keyPrefix, commandTimeoutMs: 10_000 });
    const bus = new RedisEventBus(redis, log);
    return {
      bus,
      topics: () => bus.size.topics,
      close: async () => {
        await bus.close();
        redis.close();
      },
    };
  });
}
