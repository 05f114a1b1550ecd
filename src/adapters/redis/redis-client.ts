import type { Writable } from 'node:stream';
import { Redis, type CommonRedisOptions } from 'ioredis';
import type { Log } from '../../kernel/log.js';
import { StartupError } from '../../kernel/startup-error.js';
import type { Tracing } from '../../ports/tracing.js';
import { traceCommands } from './traced-commands.js';

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
   * Timeout of a command in milliseconds, from when it is sent; default 200. A response is not late because this process was too busy
   * to send the command, or to read what had come.
   */
  readonly commandTimeoutMs?: number;
  /** Is told of each command. */
  readonly tracing?: Tracing | undefined;
}

export interface RedisConnection {
  /** For the start-up log, as `Redis at cache.internal:6379`. Holds no password. */
  readonly description: string;
  readonly keyPrefix: string;
  /** Fails at once while Redis is gone. Has no time limit: requests {@link run} their commands. */
  readonly commands: Redis;
  /**
   * Runs a command with the time limit. Fails at once while Redis is gone, and after the limit when it does not answer. A
   * caller that gets an error does not know whether the command ran, or will.
   */
  run<Result>(command: (redis: Redis) => Promise<Result>): Promise<Result>;
  /**
   * A further connection, to subscribe to channels; it is replaced when nothing is heard from Redis for `silenceMs`. While
   * Redis is gone its commands fail with the next failed reconnection. The caller closes it.
   */
  connectSubscriber(silenceMs: number): Redis;
  /** Resolves when Redis answers; rejects when it cannot be reached. */
  ping(): Promise<void>;
  close(): void;
}

/**
 * Connects, and from then on reconnects by itself. An outage is logged once when it begins and once when it is over.
 * @throws StartupError when the first connection fails, or the server has no database of the number in the URL
 */
export async function connectRedis(settings: RedisSettings): Promise<RedisConnection> {
  const { url, log, keyPrefix = 'flynkle:', commandTimeoutMs = 200, tracing } = settings;
  const { hostname, port, pathname } = new URL(url);
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
    enableOfflineQueue: false,
    socketTimeout: DEAD_AFTER_MS,
  });
  await firstConnection(commands, description);
  await requireDatabase(commands, pathname.slice(1), description);
  const stopLogging = logOutages(commands, description, log);
  const stopTracing = tracing && traceCommands(tracing);
  return {
    description,
    keyPrefix,
    commands,
    run: (command) => {
      corkForThisTurn(commands.stream);
      return inTime(command(commands), commandTimeoutMs);
    },
    // The owner subscribes again by itself, and then looks for what it missed.
    connectSubscriber: (silenceMs) => open({ socketTimeout: silenceMs, autoResubscribe: false }),
    ping: async () => {
      await inTime(commands.ping(), commandTimeoutMs);
    },
    close: () => {
      stopLogging();
      stopTracing?.();
      commands.disconnect();
    },
  };
}

/**
 * Commands that are sent in one turn of the event loop go out in one write: with many streams, the writes of their own would
 * cost more than all else that is done for an event.
 */
function corkForThisTurn(socket: Writable): void {
  if (socket.writableCorked > 0) return;
  socket.cork();
  setImmediate(() => {
    socket.uncork();
  });
}

/**
 * The library's own time limit counts the time in which the process is too busy to send the command, and to read what has come.
 * @param answer to a command of this turn of the event loop, at whose end it is sent
 */
function inTime<Result>(answer: Promise<Result>, milliseconds: number): Promise<Result> {
  return new Promise((resolve, reject) => {
    let timer: NodeJS.Timeout | undefined;
    const sent = setImmediate(() => {
      timer = setTimeout(() => {
        // The sockets are read before this runs.
        setImmediate(() => {
          reject(new Error('Command timed out'));
        });
      }, milliseconds);
    });
    answer.then(resolve, reject).finally(() => {
      clearImmediate(sent);
      clearTimeout(timer);
    });
  });
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
    throw new StartupError(`REDIS_URL: ${description} cannot be reached (${reason})`);
  } finally {
    redis.off('error', note);
  }
}

/** The library goes on with number 0, which may be another installation's, when the server does not have the one of the URL. */
async function requireDatabase(redis: Redis, number: string, description: string): Promise<void> {
  if (number === '') return;
  try {
    await inTime(redis.select(Number(number)), CONNECT_TIMEOUT_MS);
  } catch (error) {
    redis.disconnect();
    const { name, message } = error instanceof Error ? error : new Error(String(error));
    const fault = name === 'ReplyError' ? `has no database ${number}` : 'does not answer';
    throw new StartupError(`REDIS_URL: ${description} ${fault} (${message})`);
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
