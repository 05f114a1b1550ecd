import { createHash, randomUUID } from 'node:crypto';
import { Unavailable } from '../../kernel/errors.js';
import type { RateLimitStore, RateLimitVerdict } from '../../ports/rate-limit-store.js';
import type { RateLimitRule } from '../../ports/rate-limiter.js';
import type { RedisConnection } from './redis-client.js';
import { RedisScript } from './redis-script.js';

/**
 * KEYS[1]: a sorted set of the counted calls, by the server's time in microseconds.
 * ARGV: window in milliseconds, limit, a unique name for this call.
 * The server's clock is the only one that all instances share.
 */
const TAKE = new RedisScript(`
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local window = ARGV[1] * 1000
local limit = tonumber(ARGV[2])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now - window)
-- Calls of the future: the clock was set back. They would count for longer than the window.
redis.call('ZREMRANGEBYSCORE', KEYS[1], now + 1, '+inf')
local before = redis.call('ZCARD', KEYS[1])
if before < limit then
  redis.call('ZADD', KEYS[1], now, ARGV[3])
  redis.call('PEXPIRE', KEYS[1], ARGV[1])
  local oldest = redis.call('ZRANGE', KEYS[1], 0, 0, 'WITHSCORES')[2]
  return { before, 0, math.ceil((oldest + window - now) / 1000) }
end
local blocking = redis.call('ZRANGE', KEYS[1], before - limit, before - limit, 'WITHSCORES')[2] or now
local wait = math.ceil((blocking + window - now) / 1000)
return { before, wait, wait }
`);

/**
 * Counts calls over all instances, in one Lua script on one key. Without Redis, calls are refused: if an outage lifted the
 * limits, attackers would try to cause one.
 */
export class RedisRateLimitStore implements RateLimitStore {
  constructor(private readonly redis: Pick<RedisConnection, 'run' | 'keyPrefix'>) {}

  /** @throws Unavailable when Redis does not answer; the call may have been counted all the same */
  async take(rule: RateLimitRule, identity: string): Promise<RateLimitVerdict> {
    const { keyPrefix } = this.redis;
    // Hashed, since identities may be e-mail addresses and may have any length.
    const hashed = createHash('sha256').update(identity).digest('base64url');
    const key = `${keyPrefix}rate:{${rule.name}:${hashed}}`;
    let answer: unknown;
    try {
      answer = await this.redis.run((redis) => TAKE.run(redis, [key], [rule.windowMs, rule.limit, randomUUID()]));
    } catch {
      throw new Unavailable('Rate limits cannot be checked at present');
    }
    const [before, retryAfterMs, resetMs] = Array.isArray(answer) ? answer.map(Number) : [];
    if (before === undefined || retryAfterMs === undefined || resetMs === undefined) {
      throw new Error('The rate limit script answered nothing');
    }
    return { before, retryAfterMs, resetMs };
  }

  /** The owner of the connection closes it. */
  close(): Promise<void> {
    return Promise.resolve();
  }
}
