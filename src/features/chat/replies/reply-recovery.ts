import { Unavailable } from '../../../kernel/errors.js';
import type { Log } from '../../../kernel/log.js';
import { duringRequest } from '../../../kernel/request-scope.js';
import { untilStep, type Timers } from '../../../kernel/timers.js';
import type { Database, Sql } from '../../../ports/database.js';
import type { EventLog, LogEntry } from '../../../ports/event-log.js';
import type { TokenCounter } from '../../../ports/language-model.js';
import { textOf } from '../messages/message.js';
import type { NotedAct } from '../feeds/event-feed.js';
import type { MessagesService } from '../messages/messages.service.js';
import {
  EMPTY_TRANSCRIPT,
  eventCount,
  GrowingTranscript,
  hasAnswer,
  roundsOf,
  writtenIn,
  type Transcript,
} from '../messages/reply-transcript.js';
import { sumOf, type Generation, type Spent } from '../models/generation.js';
import type { ModelCatalogue } from '../models/model-catalogue.js';
import type { ExpiredLease, ExpiredReservation } from '../usage/usage.js';
import type { UsageService } from '../usage/usage.service.js';
import type { RepliesRepository } from './replies.repository.js';
import type { WaitingReplies } from './waiting-replies.js';
import {
  endsReply,
  endingOf,
  failedStatus,
  failureOf,
  finishReasonOf,
  replyStream,
  transcriptOf,
  type SequencedReplyEvent,
  type StoredReply,
} from './reply.js';

/** Between two looks for expired leases. */
const SWEEP_MS = 500;
/** The same where no call had a lease and no reply waited: what has begun since has a lease that is longer than this. */
const QUIET_SWEEP_MS = 2_000;
/**
 * How long an expired lease must stay as it is before its reply is ended: longer than a living instance takes to renew it, after
 * an outage of the database or a jump of its clock.
 */
const CONFIRM_MS = 1_300;
/** A lease that ends later than this was given before the database's clock was put back. That of earlier releases is as long. */
const LONGEST_LEASE_SECONDS = 20;
/** How long recovery waits for an event log that is away, which may have more of a reply than its row. */
const LOG_PATIENCE_MS = 30_000;

export interface ReplyRecoveryNeeds {
  readonly database: Pick<Database, 'transaction'>;
  readonly replies: Pick<RepliesRepository, 'findForUpdate' | 'finish' | 'lookForOpen' | 'remove'>;
  readonly usage: Pick<UsageService, 'expiredLeases' | 'lockExpired' | 'settle'>;
  readonly messages: Pick<MessagesService, 'act' | 'lock' | 'note'>;
  /** What runs on this instance: whatever the clock of the database says, it is not abandoned. */
  readonly running: { readonly entryIds: readonly string[] };
  readonly models: Pick<ModelCatalogue, 'costOf'>;
  readonly counter: TokenCounter;
  readonly events: EventLog;
  readonly waiting: Pick<WaitingReplies, 'sweep'>;
  readonly timers: Timers;
  readonly log: Log;
}

/** What the event log has of a reply, and the right to write its end there; null when the log is away for too long. */
interface Logged {
  readonly writer: number;
  readonly entries: readonly LogEntry<SequencedReplyEvent>[];
}

interface RecoveredReply {
  readonly reply: StoredReply;
  readonly transcript: Transcript;
  readonly logged: Logged | null;
  readonly isForgotten: boolean;
  readonly generation: Generation | null;
  readonly news: NotedAct;
}

/**
 * Ends the replies of dead instances: keeps the text that had arrived, what the row has and what the event log has after that,
 * and settles usage by the tokenizer's count.
 */
export class ReplyRecovery {
  /** When an expired lease was first seen, by its entry. One that was renewed since is another. */
  readonly #suspects = new Map<string, { readonly lease: string; readonly since: number }>();
  readonly #closing = new AbortController();
  #sweeping: Promise<void> = Promise.resolve();
  #isQuiet = false;

  constructor(private readonly needs: ReplyRecoveryNeeds) {}

  open(): void {
    this.#sweeping = this.#sweepAlways();
  }

  async close(): Promise<void> {
    this.#closing.abort();
    await this.#sweeping;
  }

  /**
   * Ends what is abandoned.
   * @param atOnce also what this instance has not seen expired before: nobody else can be at work
   * @returns how many replies were ended
   */
  async sweep(atOnce = false): Promise<number> {
    const { usage, running, timers, log } = this.needs;
    const expired = await usage.expiredLeases(running.entryIds, LONGEST_LEASE_SECONDS);
    const now = timers.now();
    const confirmed = expired.filter(({ entryId, lease }) => {
      const suspect = this.#suspects.get(entryId);
      return atOnce || (suspect?.lease === lease && now - suspect.since >= CONFIRM_MS);
    });
    const known = new Map(this.#suspects);
    this.#suspects.clear();
    for (const { entryId, lease } of expired) {
      const before = known.get(entryId);
      this.#suspects.set(entryId, before?.lease === lease ? before : { lease, since: now });
    }
    let ended = 0;
    for (const lease of confirmed) {
      if (await duringRequest(lease.requestId ?? undefined, () => this.#tryToEnd(lease))) ended++;
    }
    if (ended > 0) log.warn({ replies: ended }, 'ended replies that an instance left behind');
    return ended;
  }

  async #sweepAlways(): Promise<void> {
    const { signal } = this.#closing;
    let failed = false;
    for (;;) {
      await this.needs.timers.sleep(this.#untilNextLook(), signal);
      if (signal.aborted) return;
      try {
        await this.#look();
        failed = false;
      } catch (error) {
        if (!failed) this.needs.log.warn({ err: error }, 'abandoned replies were not looked for');
        failed = true;
      }
    }
  }

  /** One statement as long as nothing is abandoned, since it is asked by every instance while any reply runs. */
  async #look(): Promise<void> {
    const { hasLeases, hasExpired, hasWaiting } = await this.needs.replies.lookForOpen(LONGEST_LEASE_SECONDS);
    const isAnySuspected = this.#suspects.size > 0;
    this.#isQuiet = !isAnySuspected && !hasLeases && !hasWaiting;
    if (hasExpired || isAnySuspected) await this.sweep();
    if (hasWaiting) await this.needs.waiting.sweep();
  }

  /** Looks again as soon as a suspect can be confirmed. */
  #untilNextLook(): number {
    const now = this.needs.timers.now();
    const left = [...this.#suspects.values()].map(({ since }) => since + CONFIRM_MS - now);
    return Math.min(
      untilStep(this.#isQuiet ? QUIET_SWEEP_MS : SWEEP_MS, now),
      ...left.filter((milliseconds) => milliseconds > 0),
    );
  }

  /** @returns whether it was ended */
  async #tryToEnd(lease: ExpiredLease): Promise<boolean> {
    const { log } = this.needs;
    const { entryId: entry, messageId: reply } = lease;
    try {
      if (!(await this.#end(lease))) return false;
      log.info({ entry, reply }, 'ended a reply that an instance left behind');
      return true;
    } catch (error) {
      log.warn({ err: error, entry, reply }, 'an abandoned reply was not ended; it is tried again');
      return false;
    }
  }

  /** @returns false when it is no longer abandoned, or has to wait */
  async #end(lease: ExpiredLease): Promise<boolean> {
    const { database, usage } = this.needs;
    const ended = await database.transaction(async (sql) => {
      const reservation = await usage.lockExpired(sql, lease);
      return reservation === null ? null : this.#endIn(sql, reservation);
    });
    if (ended === null) return false;
    this.#suspects.delete(lease.entryId);
    if (ended.reply !== null) this.#tell(ended.reply, lease.requestId ?? undefined);
    return true;
  }

  /** From here on, the instance that was taken for dead can show its readers no more. */
  async #takeLog(messageId: string, entryId: string): Promise<Logged | null | 'wait'> {
    try {
      const { writer, entries } = await this.needs.events.takeOver<SequencedReplyEvent>(replyStream(messageId));
      return { writer, entries };
    } catch (error) {
      if (!(error instanceof Unavailable)) throw error;
      const since = this.#suspects.get(entryId)?.since ?? 0;
      return this.needs.timers.now() - since < LOG_PATIENCE_MS ? 'wait' : null;
    }
  }

  /** @returns null when it has to wait */
  async #endIn(
    sql: Sql,
    { messageId, ...reservation }: ExpiredReservation,
  ): Promise<{ reply: RecoveredReply | null } | null> {
    const { messages, replies, usage, counter } = this.needs;
    const reply = messageId === null ? null : await replies.findForUpdate(sql, messageId);
    // Under the locks: whoever has renewed the lease in time is not shut out.
    const logged = messageId === null ? null : await this.#takeLog(messageId, reservation.entryId);
    if (logged === 'wait') return null;
    const transcript = withLogged(reply, logged?.entries ?? []);
    // A log that is away may have text that was shown.
    const isForgotten = reply !== null && logged !== null && !reply.keepUnanswered && !hasAnswer(transcript);
    const spent = this.#spentOn(reservation, counter.countText(writtenIn(roundsOf(transcript).at(-1) ?? [])));
    const tokens = spent.promptTokens + spent.completionTokens;
    if (isForgotten) await messages.lock(sql, reply.conversationId);
    await usage.settle(sql, reservation, { tokens, source: 'ESTIMATED', spent, countsAsMessage: !isForgotten });
    if (reply?.status !== 'STREAMING') return { reply: null };
    const failure = failureOf('INTERRUPTED');
    const generation = generationOf(reply, spent);
    const forgotten = isForgotten ? [reply.id, ...(reply.replyToId === null ? [] : [reply.replyToId])] : null;
    const gone = forgotten && (await replies.remove(sql, forgotten));
    if (gone === null) {
      const status = failedStatus(transcript);
      await replies.finish(sql, reply.id, {
        status,
        transcript,
        tokens: (reply.tokens ?? 0) + tokens,
        failure,
        generation,
      });
    }
    const news = messages.act();
    await messages.note(news, sql, reply.ownerId, reply.conversationId, ...endingOf(reply.id, gone));
    return { reply: { reply, logged, transcript, isForgotten, generation, news } };
  }

  /** By the tokenizer, for the model that was asked: whether a fallback took its place, nobody knows any more. */
  #spentOn({ promptTokens, model }: Pick<ExpiredReservation, 'model' | 'promptTokens'>, completionTokens: number) {
    const cost = this.needs.models.costOf(model, { prompt: promptTokens, cached: null, completion: completionTokens });
    return { model, promptTokens, cachedTokens: null, completionTokens, reasoningTokens: null, cost };
  }

  /** Whoever waits for the log finds the end there; others find it in the row. */
  #tell(
    { reply, logged, transcript, isForgotten, generation, news }: RecoveredReply,
    requestId: string | undefined,
  ): void {
    const { events, log } = this.needs;
    const stream = replyStream(reply.id);
    if (logged !== null) {
      const sequence = eventCount(transcript) + 1;
      const end: SequencedReplyEvent = {
        type: 'failed',
        ...failureOf('INTERRUPTED'),
        partial: transcript.text,
        messageId: isForgotten ? null : reply.id,
        generation,
        sequence,
      };
      // Nobody waits for it, so its lines need a scope of their own.
      void duringRequest(requestId, () =>
        Promise.resolve(events.write(stream, logged.writer, sequence, [end]))
          .catch((error: unknown) => {
            log.warn(
              { err: error, reply: reply.id },
              'the end of a recovered reply was not logged; readers find it in the row',
            );
          })
          .finally(() => {
            events.release(stream);
          }),
      );
    }
    news.tell();
  }
}

/** Null for a reply that an earlier release began. */
function generationOf({ generation }: StoredReply, spent: Omit<Spent, 'model'>): Generation | null {
  if (generation === null) return null;
  const last = { ...generation, ...spent, model: generation.model, finishReason: finishReasonOf('INTERRUPTED') };
  return sumOf(generation, last);
}

/** What is stored, and what the log has after that, up to a gap. */
function withLogged(reply: StoredReply | null, entries: readonly LogEntry<SequencedReplyEvent>[]): Transcript {
  const stored = reply === null ? EMPTY_TRANSCRIPT : transcriptOf(reply, textOf(reply) ?? '');
  const transcript = new GrowingTranscript(stored);
  let last = eventCount(stored);
  for (const { sequence, event } of entries) {
    if (sequence <= last) continue;
    if (sequence !== last + 1 || endsReply(event)) break;
    transcript.add(event);
    last = sequence;
  }
  return transcript.copy;
}
