import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Redis } from 'ioredis';
import type { RedisConnection } from './redis-client.js';
import { RedisScript } from './redis-script.js';

/** An entry as Redis answers it: its id, `<sequence>-0`, and its fields, name and value in turn. */
export type RawEntry = readonly [id: string, fields: readonly string[]];

/** Maximum entries of one stream per read. */
const READ_COUNT = 500;
const TENDED_AT_ONCE = 500;
const RETRY_DELAY_MS = 200;

/** KEYS: streams. ARGV[1]: milliseconds to keep them from now. Answers the last id of each, `0-0` for one that is gone. */
const TEND = new RedisScript(`
local last = {}
for i, key in ipairs(KEYS) do
  redis.call('PEXPIRE', key, ARGV[1])
  local top = redis.call('XREVRANGE', key, '+', '-', 'COUNT', 1)[1]
  last[i] = top and top[1] or '0-0'
end
return last
`);

interface StreamReaderEvents {
  /** New entries of a stream, in order. */
  entries(key: string, entries: readonly RawEntry[]): void;
  /** The server lost the end of a stream (it restarted, or another took over): it goes on after `sequence`. */
  rewound(key: string, sequence: number): void;
}

/**
 * Follows any number of streams over one connection: a single `XREAD BLOCK` that names them all. The set changes while that
 * blocks, so it also names a stream of its own, which only serves to wake it. Followed streams are kept from expiring.
 *
 * Each answer costs Redis and this process time in proportion to the streams followed: with 10,000 of them and 1,000 events
 * a second, a quarter of a core there. Keys of one command must be on one server: this does not run on a Redis Cluster.
 */
export class RedisStreamReader {
  private readonly positions = new Map<string, number>();
  private readonly wakeKey: string;
  private wakeId = '0-0';
  private readonly blockMs: number;
  private connection: Redis | undefined;
  private running = false;
  private closed = false;
  /** The number of the blocked read, so that each is woken at most once; null while none is blocked. */
  private waitingRead: number | null = null;
  private reads = 0;
  private wake: { readonly read: number; readonly sent: Promise<unknown> } | undefined;
  private tendAt = 0;

  constructor(
    private readonly redis: Pick<RedisConnection, 'commands' | 'connectReader' | 'keyPrefix'>,
    private readonly retentionMs: number,
    private readonly events: StreamReaderEvents,
  ) {
    this.wakeKey = `${redis.keyPrefix}wake:${randomUUID()}`;
    this.blockMs = Math.min(10_000, Math.ceil(retentionMs / 3));
  }

  follows(key: string): boolean {
    return this.positions.has(key);
  }

  /** Resolves when the stream is part of the read. @throws when Redis cannot be reached */
  async follow(key: string, position: number): Promise<void> {
    this.positions.set(key, position);
    if (this.waitingRead === null) this.start();
    else await this.interrupt(this.waitingRead);
  }

  unfollow(key: string): void {
    this.positions.delete(key);
  }

  close(): void {
    this.closed = true;
    this.positions.clear();
    this.connection?.disconnect();
  }

  private start(): void {
    if (this.running || this.closed) return;
    this.running = true;
    this.connection ??= this.redis.connectReader(this.blockMs);
    void this.run(this.connection);
  }

  private async interrupt(read: number): Promise<void> {
    if (this.wake?.read !== read) {
      const sent = this.redis.commands
        .multi()
        .xadd(this.wakeKey, 'MAXLEN', 1, '*', 'wake', '')
        .pexpire(this.wakeKey, this.retentionMs)
        .exec();
      this.wake = { read, sent };
    }
    await this.wake.sent;
  }

  private async run(connection: Redis): Promise<void> {
    while (this.positions.size > 0) {
      try {
        if (Date.now() >= this.tendAt) await this.tend();
        await this.read(connection);
      } catch {
        // Redis is gone: the connection logs that, and once it is back the read goes on from the same positions.
        this.tendAt = 0;
        if (!this.closed) await sleep(RETRY_DELAY_MS);
      }
    }
    this.running = false;
  }

  private async read(connection: Redis): Promise<void> {
    const keys = [this.wakeKey, ...this.positions.keys()];
    const ids = [this.wakeId, ...Array.from(this.positions.values(), (position) => `${position}-0`)];
    this.waitingRead = ++this.reads;
    const answer = await connection
      .xread('COUNT', READ_COUNT, 'BLOCK', this.blockMs, 'STREAMS', ...keys, ...ids)
      .finally(() => {
        this.waitingRead = null;
      });
    for (const [key, entries] of answer ?? []) {
      const last = entries.at(-1)?.[0];
      if (last === undefined) continue;
      if (key === this.wakeKey) this.wakeId = last;
      else if (this.positions.has(key)) {
        this.positions.set(key, sequenceOf(last));
        this.events.entries(key, entries);
      }
    }
  }

  private async tend(): Promise<void> {
    const keys = [...this.positions.keys()];
    for (let start = 0; start < keys.length; start += TENDED_AT_ONCE) {
      const some = keys.slice(start, start + TENDED_AT_ONCE);
      const last = await TEND.run(this.redis.commands, some, [this.retentionMs]);
      some.forEach((key, index) => {
        const sequence = sequenceOf(Array.isArray(last) ? String(last[index]) : '');
        if (sequence >= (this.positions.get(key) ?? 0)) return;
        this.positions.set(key, sequence);
        this.events.rewound(key, sequence);
      });
    }
    this.tendAt = Date.now() + this.retentionMs / 3;
  }
}

export function sequenceOf(id: string): number {
  return Number.parseInt(id, 10);
}
