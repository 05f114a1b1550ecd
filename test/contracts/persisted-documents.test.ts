import { createHash, randomUUID } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { MemoryPersistedDocuments } from '../../src/adapters/memory/memory-persisted-documents.js';
import { connectRedis } from '../../src/adapters/redis/redis-client.js';
import { RedisPersistedDocuments } from '../../src/adapters/redis/redis-persisted-documents.js';
import {
  MAX_PERSISTED_DOCUMENTS,
  MAX_PERSISTED_LENGTH,
  type PersistedDocuments,
} from '../../src/ports/persisted-documents.js';

interface Opened {
  readonly store: PersistedDocuments;
  /** Another instance's view of the same documents. */
  readonly other: PersistedDocuments;
  readonly close: () => void;
}

const hashOf = (text: string) => createHash('sha256').update(text).digest('hex');

function persistedDocumentsContract(name: string, open: () => Promise<Opened>): void {
  describe(`the persisted documents port, by ${name}`, () => {
    let opened: Opened;
    beforeEach(async () => {
      opened = await open();
    });
    afterEach(() => {
      opened.close();
    });

    it('finds what was kept, on every instance', async () => {
      const { store, other } = opened;
      const text = '{ ünïcode }';
      expect(await store.find(hashOf(text))).toBeNull();
      await store.keep(hashOf(text), text);
      expect(await store.find(hashOf(text))).toBe(text);
      expect(await other.find(hashOf(text))).toBe(text);
      expect(await other.find(hashOf('{ other }'))).toBeNull();
    });

    it('keeps no document that is too long', async () => {
      const { store, other } = opened;
      const text = 'x'.repeat(MAX_PERSISTED_LENGTH + 1);
      await store.keep(hashOf(text), text);
      expect([await store.find(hashOf(text)), await other.find(hashOf(text))]).toEqual([null, null]);
    });

    it('forgets the least recently used', async () => {
      const { store, other } = opened;
      const texts = Array.from({ length: MAX_PERSISTED_DOCUMENTS }, (_, index) => `{ field${index.toString()} }`);
      const [oldest = '', second = ''] = texts;
      for (const text of texts) await store.keep(hashOf(text), text);
      expect(await other.find(hashOf(oldest))).toBe(oldest);
      await other.keep(hashOf('{ one }'), '{ one }');
      expect(await other.find(hashOf(second))).toBeNull();
      expect(await other.find(hashOf(oldest))).toBe(oldest);
    });
  });
}

persistedDocumentsContract('memory', () => {
  const store = new MemoryPersistedDocuments();
  return Promise.resolve({ store, other: store, close: () => undefined });
});

const redisUrl = process.env['TEST_REDIS_URL'];
if (redisUrl !== undefined) {
  const log = { info: () => undefined, warn: () => undefined };
  const connect = () =>
    connectRedis({ url: redisUrl, log, keyPrefix: `test:${randomUUID()}:`, commandTimeoutMs: 10_000 });

  persistedDocumentsContract('Redis', async () => {
    const redis = await connect();
    const instance = () => new RedisPersistedDocuments(redis, new MemoryPersistedDocuments());
    return {
      store: instance(),
      other: instance(),
      close: () => {
        redis.close();
      },
    };
  });

  it('goes on with what the instance knows itself when Redis is gone', async () => {
    const redis = await connect();
    const store = new RedisPersistedDocuments(redis, new MemoryPersistedDocuments());
    redis.close();
    await store.keep(hashOf('{ a }'), '{ a }');
    expect([await store.find(hashOf('{ a }')), await store.find(hashOf('{ b }'))]).toEqual(['{ a }', null]);
  });
}
