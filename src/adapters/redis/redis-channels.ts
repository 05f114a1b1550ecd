import type { Redis } from 'ioredis';
import { systemTimers } from '../../kernel/timers.js';
import type { RedisConnection } from './redis-client.js';

/** Channels that one command subscribes to after a reconnection. */
const RESUBSCRIBED_AT_ONCE = 500;
/** Between two pings: a connection that went silent is noticed, and replaced, within twice this and the socket's own limit. */
const PING_MS = 2_000;
const RETRY_MS = 200;

interface ChannelEvents {
  message(channel: string, text: string): void;
  /** Messages may have been missed: the connection was lost, and the channel is subscribed to again. */
  restored(channel: string): void;
}

/**
 * Redis' channels over one connection of its own: what it costs does not grow with the channels, but with the messages in
 * them. A message that comes while the connection is away is lost; the owner reads again what it may have missed.
 */
export class RedisChannels {
  private readonly channels = new Set<string>();
  private connection: Redis | undefined;
  private pinging: NodeJS.Timeout | undefined;
  private closed = false;

  constructor(
    private readonly redis: Pick<RedisConnection, 'connectSubscriber'>,
    private readonly events: ChannelEvents,
  ) {}

  /** Resolves when messages come. @throws when Redis cannot be reached */
  async subscribe(channel: string): Promise<void> {
    this.channels.add(channel);
    try {
      await this.open().subscribe(channel);
    } catch (error) {
      // Nobody unsubscribes from what nobody got: it would be subscribed to again after each reconnection.
      this.channels.delete(channel);
      throw error;
    }
  }

  unsubscribe(channel: string): void {
    if (!this.channels.delete(channel) || this.closed) return;
    this.connection?.unsubscribe(channel).catch(() => undefined);
  }

  close(): void {
    this.closed = true;
    clearInterval(this.pinging);
    this.connection?.disconnect();
  }

  private open(): Redis {
    if (this.connection !== undefined) return this.connection;
    const connection = this.redis.connectSubscriber(2 * PING_MS);
    this.connection = connection;
    connection.on('message', (channel: string, text: string) => {
      this.events.message(channel, text);
    });
    // The first time, those who subscribe wait for their own command.
    let isFirst = true;
    connection.on('ready', () => {
      if (!isFirst) void this.restore(connection);
      isFirst = false;
    });
    this.pinging = setInterval(() => {
      if (connection.status === 'ready') connection.ping().catch(() => undefined);
    }, PING_MS).unref();
    return connection;
  }

  private async restore(connection: Redis): Promise<void> {
    const channels = [...this.channels];
    for (let start = 0; start < channels.length; start += RESUBSCRIBED_AT_ONCE) {
      const some = channels.slice(start, start + RESUBSCRIBED_AT_ONCE).filter((channel) => this.channels.has(channel));
      if (some.length === 0) continue;
      try {
        await connection.subscribe(...some);
      } catch {
        // The connection broke again: its next `ready` begins anew, unless only the command failed.
        await systemTimers.sleep(RETRY_MS);
        if (!this.closed && connection.status === 'ready') void this.restore(connection);
        return;
      }
      for (const channel of some) if (this.channels.has(channel)) this.events.restored(channel);
    }
  }
}
