import { Redis, type CommonRedisOptions } from 'ioredis';
import type { Log } from '../../kernel/log.js';

/** How long a command waits on an unresponsive connection before that is replaced, in milliseconds. */
const DEAD_AFTER_MS = 2_000;
const CONNECT_TIMEOUT_MS = 5_000;
/** Time limit for closing: the library, and with it the process, waits this long even for a connection that is gone. */
const DISCONNECT_TIMEOUT_MS = 200;

interface RedisSettings {
  /** `redis://` or `rediss://`, with user, password and database number as usual. */
  readonly url: string;
  readonly log: Pick<Log, 'info' | 'warn'>;
  /** Prefix of every key, so that several installations can share a server. Default `flynkle:`. */
  readonly keyPrefix?: string;
  /**
   * Timeout of a command in milliseconds; default 200. It includes time in which this process is too busy to read the
   * response.
   */
  readonly commandTimeoutMs?: number;
}

export interface RedisConnection {
  /** For the start-up log, as `Redis at cache.internal:6379`. Holds no password. */
  readonly description: string;
  readonly keyPrefix: string;
  /**
   * For requests: fails at once while Redis is gone and after the command timeout when it does not answer. A caller that
   * gets an error does not know whether the command ran.
   */
  readonly commands: Redis;
  /**
   * A further connection, for reads that block up to `blockMs`. While Redis is gone its commands fail with the next failed
   * reconnection. The caller closes it.
   */
  connectReader(blockMs: number): Redis;
  /** Resolves when Redis answers; rejects when it cannot be reached. */
  ping(): Promise<void>;
  close(): void;
}

/**
 * Connects, and from then on reconnects by itself. An outage is logged once when it begins and once when it is over.
 * @throws Error for the operator, when the first connection fails
 */
export async function connectRedis(settings: RedisSettings): Promise<RedisConnection> {
  const { url, log, keyPrefix = 'flynkle:', commandTimeoutMs = 200 } = settings;
  const { hostname, port } = new URL(url);
  const description = `Redis at ${hostname}:${port || '6379'}`;
  const open = (options: Omit<CommonRedisOptions, 'replyMapping'>) => {
    const redis = new Redis(url, {
      ...options,
      connectTimeout: CONNECT_TIMEOUT_MS,
      disconnectTimeout: DISCONNECT_TIMEOUT_MS,
      lazyConnect: true,
      // A command whose connection breaks fails at once. Any higher number sends it again on the next connection, and what
      // it did the first time is done twice; `autoResendUnfulfilledCommands: false` would leave it unanswered for ever.
      maxRetriesPerRequest: 0,
    });
    // Without a listener the library prints every failed reconnection.
    redis.on('error', () => undefined);
    return redis;
  };
  const commands = open({
    commandTimeout: commandTimeoutMs,
    enableOfflineQueue: false,
    socketTimeout: DEAD_AFTER_MS,
  });
  await firstConnection(commands, description);
  const stopLogging = logOutages(commands, description, log);
  return {
    description,
    keyPrefix,
    commands,
    connectReader: (blockMs) => open({ socketTimeout: blockMs + DEAD_AFTER_MS }),
    ping: async () => {
      await commands.ping();
    },
    close: () => {
      stopLogging();
      commands.disconnect();
    },
  };
}

async function firstConnection(redis: Redis, description: string): Promise<void> {
  // `connect` rejects with "Connection is closed."; what went wrong is in the event.
  let reason = 'no answer';
  const note = (error: Error) => {
    reason = 'code' in error ? String(error.code) : error.message;
  };
  redis.on('error', note);
  try {
    await redis.connect();
  } catch {
    redis.disconnect();
    throw new Error(`${description} cannot be reached (${reason}). Check REDIS_URL.`);
  } finally {
    redis.off('error', note);
  }
}

/** @returns a function that stops it */
function logOutages(redis: Redis, description: string, log: Pick<Log, 'info' | 'warn'>): () => void {
  let down = false;
  const failed = (error: Error) => {
    if (!down) log.warn({ code: 'code' in error ? error.code : error.name }, `${description} cannot be reached`);
    down = true;
  };
  const recovered = () => {
    if (down) log.info({}, `${description} is back`);
    down = false;
  };
  redis.on('error', failed).on('ready', recovered);
  return () => void redis.off('error', failed).off('ready', recovered);
}
