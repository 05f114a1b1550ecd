import {
  MAX_PERSISTED_DOCUMENTS,
  MAX_PERSISTED_LENGTH,
  type PersistedDocuments,
} from '../../ports/persisted-documents.js';
import type { RedisConnection } from './redis-client.js';
import { RedisScript } from './redis-script.js';

/** How long documents that nobody uses are kept, in milliseconds: a week. */
const KEPT_MS = 7 * 24 * 3_600_000;

/**
 * KEYS: the texts by hash, and the hashes by the time of their last use, in the server's microseconds.
 * ARGV: a hash, and milliseconds until both keys expire.
 */
const FIND = new RedisScript(`
local text = redis.call('HGET', KEYS[1], ARGV[1])
if text then
  local time = redis.call('TIME')
  redis.call('ZADD', KEYS[2], time[1] * 1000000 + time[2], ARGV[1])
  redis.call('PEXPIRE', KEYS[1], ARGV[2])
  redis.call('PEXPIRE', KEYS[2], ARGV[2])
end
return text
`);

/** KEYS and ARGV as for FIND, then the text and the maximum number of documents. */
const KEEP = new RedisScript(`
local time = redis.call('TIME')
redis.call('HSET', KEYS[1], ARGV[1], ARGV[3])
redis.call('ZADD', KEYS[2], time[1] * 1000000 + time[2], ARGV[1])
local surplus = redis.call('ZCARD', KEYS[2]) - ARGV[4]
if surplus > 0 then
  local oldest = redis.call('ZRANGE', KEYS[2], 0, surplus - 1)
  redis.call('HDEL', KEYS[1], unpack(oldest))
  redis.call('ZREM', KEYS[2], unpack(oldest))
end
redis.call('PEXPIRE', KEYS[1], ARGV[2])
redis.call('PEXPIRE', KEYS[2], ARGV[2])
`);

/**
 * Shares documents between instances, behind `local`, which answers for what this instance has seen. Without Redis, each
 * instance knows its own documents only.
 */
export class RedisPersistedDocuments implements PersistedDocuments {
  readonly #keys: readonly string[];

  constructor(
    private readonly redis: Pick<RedisConnection, 'run' | 'keyPrefix'>,
    private readonly local: PersistedDocuments,
  ) {
    // One slot of a cluster holds both keys.
    this.#keys = ['texts', 'used'].map((name) => `${redis.keyPrefix}{documents}:${name}`);
  }

  async find(hash: string): Promise<string | null> {
    const known = await this.local.find(hash);
    if (known !== null) return known;
    const found = await this.redis.run((redis) => FIND.run(redis, this.#keys, [hash, KEPT_MS])).catch(() => null);
    if (typeof found !== 'string') return null;
    await this.local.keep(hash, found);
    return found;
  }

  async keep(hash: string, text: string): Promise<void> {
    await this.local.keep(hash, text);
    if (text.length > MAX_PERSISTED_LENGTH) return;
    const values = [hash, KEPT_MS, text, MAX_PERSISTED_DOCUMENTS];
    await this.redis.run((redis) => KEEP.run(redis, this.#keys, values)).catch(() => undefined);
  }
}
