/** What a service with REDIS_URL needs, in one module that the others do without. */
export { connectRedis } from './redis-client.js';
export { RedisEventBus } from './redis-event-bus.js';
export { RedisEventLog } from './redis-event-log.js';
export { RedisPersistedDocuments } from './redis-persisted-documents.js';
export { RedisRateLimitStore } from './redis-rate-limit-store.js';
