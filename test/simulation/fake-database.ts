import { Unavailable } from '../../src/kernel/errors.js';
import type { Database, Sql } from '../../src/ports/database.js';
import { textOf } from '../../src/features/chat/messages/message.js';
import { eventCount, type Transcript } from '../../src/features/chat/messages/reply-transcript.js';
import type { Failure, RepliesRepository } from '../../src/features/chat/replies/replies.repository.js';
import {
  failureOf,
  LEASE_SECONDS,
  replyContent,
  transcriptOf,
  type StoredReply,
} from '../../src/features/chat/replies/reply.js';
import type { UsageService } from '../../src/features/chat/usage/usage.service.js';
import { FakeServer } from './fake-server.js';
import type { Host } from './virtual-time.js';

/** As in the pool of PostgreSQL connections. In milliseconds. */
const STATEMENT_MS = 15_000;
const CONNECT_MS = 5_000;
const ANSWER_MS = 20_000;
const IDLE_IN_TRANSACTION_MS = 60_000;

export interface EntryRow {
  readonly id: string;
  readonly messageId: string | null;
  readonly requestId: string | null;
  readonly reservedTokens: number;
  readonly promptTokens: number;
  /** By the database's clock; null once it is settled. */
  readonly leaseExpiresAt: number | null;
  readonly tokens: number | null;
  readonly countsAsMessage: boolean;
  /** How often it was settled. */
  readonly settlements: number;
}

export interface ReplyRow extends StoredReply {
  readonly stopRequestedAt: number | null;
}

export interface DayRow {
  readonly messages: number;
  readonly tokens: number;
}

type Row = EntryRow | ReplyRow | DayRow;

const DAY = 'day';
const entryKey = (id: string) => `entry ${id}`;
const replyKey = (id: string) => `reply ${id}`;

interface Lock {
  owner: Transaction;
  readonly waiting: Set<() => void>;
}

/** A transaction at READ COMMITTED: sees what is committed and its own changes, and locks what it changes. */
class Transaction {
  readonly changes = new Map<string, Row | null>();
  readonly locks = new Set<string>();
  isOver = false;
  cancelIdleLimit: () => void = () => undefined;

  constructor(readonly host: Host) {}
}

type ReplyRows = Pick<
  RepliesRepository,
  | 'checkpoint'
  | 'checkpointAll'
  | 'find'
  | 'findForUpdate'
  | 'findStops'
  | 'finish'
  | 'giveEnd'
  | 'lookForOpen'
  | 'pause'
  | 'remove'
  | 'requestStop'
>;
type UsageRows = Pick<
  UsageService,
  'expiredLeases' | 'findSettled' | 'lockExpired' | 'raise' | 'renewLeases' | 'settle'
>;

export interface DatabaseConnection {
  readonly database: Pick<Database, 'afterCommit' | 'transaction'>;
  readonly replies: ReplyRows;
  readonly usage: UsageRows;
}

/** What became of the rows, for the checks. */
export interface DatabaseEvents {
  /** A reply has ended, or is gone, by a transaction of this host. */
  ended(id: string, host: Host, row: ReplyRow | null): void;
}

/** The rows of replies and of their usage, with the statements that the repositories have for them. */
export class FakeDatabase extends FakeServer {
  /** Milliseconds that its clock is ahead of the time that passes. */
  clockOffset = 0;
  readonly #rows = new Map<string, Row>();
  readonly #locks = new Map<string, Lock>();
  readonly #open = new Set<Transaction>();
  events: DatabaseEvents = { ended: () => undefined };

  get clock(): number {
    return this.time.now + this.clockOffset;
  }

  #isExpired(leaseExpiresAt: number, longestSeconds: number): boolean {
    const isOfAnotherClock = this.seesOtherClocks && leaseExpiresAt > this.clock + longestSeconds * 1_000;
    return leaseExpiresAt < this.clock || isOfAnotherClock;
  }

  entry(id: string): EntryRow | null {
    return (this.#rows.get(entryKey(id)) as EntryRow | undefined) ?? null;
  }

  reply(id: string): ReplyRow | null {
    return (this.#rows.get(replyKey(id)) as ReplyRow | undefined) ?? null;
  }

  get day(): DayRow {
    return (this.#rows.get(DAY) as DayRow | undefined) ?? { messages: 0, tokens: 0 };
  }

  /** A question: its reservation, and the empty reply. */
  async ask(entry: EntryRow, reply: ReplyRow | null, host: Host, leaseSeconds = LEASE_SECONDS): Promise<void> {
    await this.#alone(host, async (transaction) => {
      await this.#lock(transaction, DAY);
      const { messages, tokens } = this.#day(transaction);
      transaction.changes.set(DAY, { messages: messages + 1, tokens: tokens + entry.reservedTokens });
      transaction.changes.set(entryKey(entry.id), { ...entry, leaseExpiresAt: this.clock + leaseSeconds * 1_000 });
      if (reply !== null) transaction.changes.set(replyKey(reply.id), reply);
    });
  }

  /** Another door deletes the reply. */
  async delete(id: string, host: Host): Promise<void> {
    await this.#alone(host, async (transaction) => {
      await this.#lock(transaction, replyKey(id));
      transaction.changes.set(replyKey(id), null);
    });
  }

  override stop(): void {
    super.stop();
    for (const transaction of [...this.#open]) this.#end(transaction);
  }

  /** Its connections are reset: what it had begun is rolled back. */
  forget(host: Host): void {
    for (const transaction of [...this.#open]) if (transaction.host === host) this.#end(transaction);
  }

  /** Whether a transaction of the host keeps others waiting. */
  holdsLocks(host: Host): boolean {
    return [...this.#open].some((transaction) => transaction.host === host && transaction.locks.size > 0);
  }

  expireAllLeases(): void {
    for (const [key, row] of this.#rows) {
      if (!('leaseExpiresAt' in row) || row.leaseExpiresAt === null) continue;
      this.#rows.set(key, { ...row, leaseExpiresAt: this.clock - 1_000 });
    }
  }

  connect(host: Host): DatabaseConnection {
    const statement = <Result>(work: (transaction: Transaction) => Promise<Result>) =>
      this.call(host, { limit: this.#limit() }, () => this.#alone(host, work));
    const transactions = new WeakMap<Sql, Transaction>();
    const within = <Result>(sql: Sql, work: (transaction: Transaction) => Promise<Result>): Promise<Result> => {
      const transaction = transactions.get(sql);
      if (transaction === undefined) throw new Error('not a transaction');
      const roll = () => {
        this.#end(transaction);
      };
      return this.call(host, { limit: this.#limit(), onBroken: roll }, () => {
        if (transaction.isOver) throw new Unavailable('the transaction was rolled back');
        return work(transaction);
      });
    };
    return {
      database: {
        afterCommit: (tell) => {
          tell();
        },
        transaction: async (work) => {
          const transaction = await this.call(host, { limit: this.#limit() }, () => this.#begin(host));
          const sql = {} as Sql;
          transactions.set(sql, transaction);
          let result;
          try {
            result = await work(sql);
          } catch (error) {
            this.#end(transaction);
            throw error;
          }
          const roll = () => {
            this.#end(transaction);
          };
          await this.call(host, { limit: this.#limit(), onUnheard: roll }, () => {
            if (transaction.isOver) throw new Unavailable('the transaction was rolled back');
            this.#commit(transaction);
          });
          return result;
        },
      },
      replies: {
        lookForOpen: (longestSeconds) =>
          statement(() => {
            const rows = [...this.#rows.values()];
            const leases = rows.flatMap((row) =>
              'leaseExpiresAt' in row && row.leaseExpiresAt !== null && row.tokens === null ? [row.leaseExpiresAt] : [],
            );
            return Promise.resolve({
              hasLeases: leases.length > 0,
              hasExpired: leases.some((at) => this.#isExpired(at, longestSeconds)),
              hasWaiting: rows.some(
                (row) => 'waitsUntil' in row && row.waitsUntil !== null && row.status === 'STREAMING',
              ),
            });
          }),
        find: (id) => statement((transaction) => Promise.resolve(this.#reply(transaction, id))),
        findForUpdate: (sql, id) =>
          within(sql, async (transaction) => {
            await this.#lock(transaction, replyKey(id));
            return this.#reply(transaction, id);
          }),
        checkpoint: (id, transcript) =>
          statement(async (transaction) => {
            await this.#lock(transaction, replyKey(id));
            return this.#checkpoint(transaction, id, transcript);
          }),
        checkpointAll: (checkpoints) =>
          statement(async (transaction) => {
            const stored = new Set<string>();
            for (const { id, transcript } of checkpoints) {
              if (this.#isLocked(replyKey(id))) continue;
              await this.#lock(transaction, replyKey(id));
              if (this.#checkpoint(transaction, id, transcript)) stored.add(id);
            }
            return stored;
          }),
        finish: (sql, id, end) =>
          within(sql, async (transaction) => {
            await this.#lock(transaction, replyKey(id));
            const row = this.#reply(transaction, id);
            if (row?.status !== 'STREAMING') return false;
            transaction.changes.set(replyKey(id), {
              ...row,
              ...columnsOf(end.transcript),
              status: end.status,
              tokens: end.tokens,
              failureCode: end.failure?.code ?? null,
              failureReason: end.failure?.reason ?? null,
              endsGiven: end.endsGiven ?? [],
              generation: end.generation,
            });
            return true;
          }),
        pause: (sql, id, { transcript, tokens, generation, seconds }) =>
          within(sql, async (transaction) => {
            await this.#lock(transaction, replyKey(id));
            const row = this.#reply(transaction, id);
            if (row?.status !== 'STREAMING') return false;
            const waitsUntil = new Date(this.clock + seconds * 1_000);
            transaction.changes.set(replyKey(id), { ...row, ...columnsOf(transcript), tokens, generation, waitsUntil });
            return true;
          }),
        // The question of a reply is no row here, so that no reply is another one's of it.
        remove: (sql, ids) =>
          within(sql, async (transaction) => {
            const gone: string[] = [];
            for (const id of ids) {
              await this.#lock(transaction, replyKey(id));
              if (this.#reply(transaction, id) !== null) gone.push(id);
              transaction.changes.set(replyKey(id), null);
            }
            return gone;
          }),
        giveEnd: (id, sequence) =>
          statement(async (transaction) => {
            await this.#lock(transaction, replyKey(id));
            const row = this.#reply(transaction, id);
            if (row === null || row.status === 'STREAMING') return;
            const endsGiven = [...row.endsGiven.filter((given) => given !== sequence), sequence];
            transaction.changes.set(replyKey(id), { ...row, endsGiven });
          }),
        requestStop: (id) =>
          statement(async (transaction) => {
            await this.#lock(transaction, replyKey(id));
            const row = this.#reply(transaction, id);
            if (row?.status === 'STREAMING')
              transaction.changes.set(replyKey(id), { ...row, stopRequestedAt: this.clock });
          }),
        findStops: (ids) =>
          statement((transaction) => {
            const stops = new Map<string, Failure>();
            for (const id of ids) {
              const row = this.#reply(transaction, id);
              if (row === null) stops.set(id, failureOf('DELETED'));
              else if (row.stopRequestedAt !== null) stops.set(id, failureOf('STOPPED'));
            }
            return Promise.resolve(stops);
          }),
      },
      usage: {
        settle: (sql, { entryId }, settlement) =>
          within(sql, async (transaction) => {
            await this.#lock(transaction, entryKey(entryId));
            const entry = this.#entry(transaction, entryId);
            if (entry.tokens !== null) return false;
            await this.#lock(transaction, DAY);
            const { messages, tokens } = this.#day(transaction);
            transaction.changes.set(entryKey(entryId), {
              ...entry,
              tokens: settlement.tokens,
              countsAsMessage: settlement.countsAsMessage,
              leaseExpiresAt: null,
              settlements: entry.settlements + 1,
            });
            transaction.changes.set(DAY, {
              messages: messages - (settlement.countsAsMessage ? 0 : 1),
              tokens: tokens - entry.reservedTokens + settlement.tokens,
            });
            return true;
          }),
        raise: ({ entryId }, { tokens: used }) =>
          statement(async (transaction) => {
            await this.#lock(transaction, entryKey(entryId));
            const entry = this.#entry(transaction, entryId);
            if (entry.tokens === null || entry.tokens >= used) return;
            await this.#lock(transaction, DAY);
            const { messages, tokens } = this.#day(transaction);
            transaction.changes.set(entryKey(entryId), { ...entry, tokens: used });
            transaction.changes.set(DAY, { messages, tokens: tokens + used - entry.tokens });
          }),
        findSettled: (entryId) =>
          statement((transaction) => {
            const { tokens } = this.#entry(transaction, entryId);
            return Promise.resolve(tokens === null ? null : { tokens });
          }),
        renewLeases: (entryIds, leaseSeconds) =>
          statement(async (transaction) => {
            const renewed = [];
            for (const entryId of entryIds) {
              await this.#lock(transaction, entryKey(entryId));
              const entry = this.#entry(transaction, entryId);
              if (entry.tokens !== null) continue;
              const leaseExpiresAt = this.clock + leaseSeconds * 1_000;
              transaction.changes.set(entryKey(entryId), { ...entry, leaseExpiresAt });
              renewed.push({ entryId, ownerIsBarred: false });
            }
            return renewed;
          }),
        expiredLeases: (except, longestSeconds) =>
          statement(() => {
            const expired = [...this.#rows.values()].flatMap((row) => {
              if (!('leaseExpiresAt' in row) || row.leaseExpiresAt === null || except.includes(row.id)) return [];
              if (!this.#isExpired(row.leaseExpiresAt, longestSeconds)) return [];
              const { id: entryId, messageId, requestId, leaseExpiresAt } = row;
              return [{ entryId, messageId, requestId, lease: String(leaseExpiresAt) }];
            });
            return Promise.resolve(expired);
          }),
        lockExpired: (sql, { entryId, lease }) =>
          within(sql, async (transaction) => {
            // SKIP LOCKED.
            if (this.#locks.has(entryKey(entryId))) return null;
            await this.#lock(transaction, entryKey(entryId));
            const entry = this.#entry(transaction, entryId);
            if (entry.tokens !== null || String(entry.leaseExpiresAt) !== lease) return null;
            const { promptTokens, messageId, reservedTokens: tokens } = entry;
            return { entryId, userId: 'user', date: DAY, tokens, promptTokens, messageId, model: null };
          }),
      },
    };
  }

  /** Parts of the statements that the checks take out, to see that they are missed. */
  keepsLonger = true;
  seesOtherClocks = true;

  #limit(): number {
    return this.random.chance(50) ? CONNECT_MS : ANSWER_MS;
  }

  #begin(host: Host): Transaction {
    const transaction = new Transaction(host);
    this.#open.add(transaction);
    transaction.cancelIdleLimit = this.time.after(IDLE_IN_TRANSACTION_MS, () => {
      this.#end(transaction);
    });
    return transaction;
  }

  async #alone<Result>(host: Host, work: (transaction: Transaction) => Promise<Result>): Promise<Result> {
    const transaction = this.#begin(host);
    try {
      const result = await work(transaction);
      if (transaction.isOver) throw new Unavailable('the connection was lost');
      this.#commit(transaction);
      return result;
    } finally {
      this.#end(transaction);
    }
  }

  #commit(transaction: Transaction): void {
    const ended = [...transaction.changes].filter(([key, row]) => {
      const before = this.#rows.get(key);
      const wasStreaming = before !== undefined && 'status' in before && before.status === 'STREAMING';
      return wasStreaming && (row === null || ('status' in row && row.status !== 'STREAMING'));
    });
    for (const [key, row] of transaction.changes) {
      if (row === null) this.#rows.delete(key);
      else this.#rows.set(key, row);
    }
    this.#end(transaction);
    for (const [key, row] of ended)
      this.events.ended(key.slice(replyKey('').length), transaction.host, row as ReplyRow | null);
  }

  /** Rolls back what is not committed, and lets the next ones have its locks. */
  #end(transaction: Transaction): void {
    if (transaction.isOver) return;
    transaction.isOver = true;
    transaction.cancelIdleLimit();
    this.#open.delete(transaction);
    for (const key of transaction.locks) {
      const lock = this.#locks.get(key);
      this.#locks.delete(key);
      for (const wake of lock?.waiting ?? []) wake();
    }
  }

  async #lock(transaction: Transaction, key: string): Promise<void> {
    const until = this.time.now + STATEMENT_MS;
    for (;;) {
      if (transaction.isOver) throw new Unavailable('the connection was lost');
      const lock = this.#locks.get(key);
      if (lock === undefined) {
        this.#locks.set(key, { owner: transaction, waiting: new Set() });
        transaction.locks.add(key);
        return;
      }
      if (lock.owner === transaction) return;
      if (this.time.now >= until) throw new Unavailable('canceling statement due to statement timeout');
      await new Promise<void>((resolve) => {
        lock.waiting.add(resolve);
        this.time.after(until - this.time.now, resolve);
      });
    }
  }

  #isLocked(key: string): boolean {
    return this.#locks.has(key);
  }

  /** @returns false when the reply has ended or does not exist */
  #checkpoint(transaction: Transaction, id: string, transcript: Transcript): boolean {
    const row = this.#reply(transaction, id);
    if (row?.status !== 'STREAMING') return false;
    const isLate = eventCount(storedTranscript(row)) > eventCount(transcript);
    transaction.changes.set(replyKey(id), isLate && this.keepsLonger ? row : { ...row, ...columnsOf(transcript) });
    return true;
  }

  #read(transaction: Transaction, key: string): Row | null {
    const own = transaction.changes.get(key);
    return own === undefined ? (this.#rows.get(key) ?? null) : own;
  }

  #reply(transaction: Transaction, id: string): ReplyRow | null {
    return this.#read(transaction, replyKey(id)) as ReplyRow | null;
  }

  #entry(transaction: Transaction, id: string): EntryRow {
    return this.#read(transaction, entryKey(id)) as EntryRow;
  }

  #day(transaction: Transaction): DayRow {
    return (this.#read(transaction, DAY) as DayRow | null) ?? { messages: 0, tokens: 0 };
  }
}

/** A reply's row as a question leaves it. */
export function emptyReply(id: string): ReplyRow {
  const now = new Date(0);
  return {
    id,
    conversationId: 'conversation',
    userId: null,
    ownerId: 'user',
    content: replyContent(''),
    messageType: 'ai',
    status: 'STREAMING',
    extra: null,
    replyToId: null,
    createdAt: now,
    updatedAt: now,
    deltaEnds: [],
    parts: null,
    waitsUntil: null,
    endsGiven: [],
    failureCode: null,
    failureReason: null,
    tokens: null,
    keepUnanswered: true,
    generation: null,
    stopRequestedAt: null,
  };
}

function columnsOf({ text, deltaEnds, parts }: Transcript): Pick<ReplyRow, 'content' | 'deltaEnds' | 'parts'> {
  return { content: replyContent(text), deltaEnds, parts };
}

export const storedTranscript = (row: StoredReply) => transcriptOf(row, textOf(row) ?? '');
