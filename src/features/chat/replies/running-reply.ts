import { setTimeout as delay } from 'node:timers/promises';
import { DomainError, UpstreamFailed } from '../../../kernel/errors.js';
import type { Log } from '../../../kernel/log.js';
import type { Database } from '../../../ports/database.js';
import type { EventLog } from '../../../ports/event-log.js';
import type { LanguageModel, ModelMessage, TokenCounter } from '../../../ports/language-model.js';
import { CHECKPOINT_MS } from '../messages/message.js';
import type { MessagesService } from '../messages/messages.service.js';
import type { Reservation, Settlement } from '../usage/usage.js';
import type { UsageService } from '../usage/usage.service.js';
import { DeltaGatherer } from './delta-gatherer.js';
import type { RepliesRepository } from './replies.repository.js';
import { failedStatus, REASONS, replyStream, type ReplyEvent, type ReplyFailure } from './reply.js';

/** Delays between attempts to store the end of a reply. After the last, its lease expires and recovery ends it. */
const FINISH_RETRY_MS = [100, 400, 1_000, 2_500, 5_000];

/** A question to the model for which usage is reserved. */
export interface ReplyJob {
  readonly reservation: Reservation;
  readonly messages: readonly ModelMessage[];
  readonly promptTokens: number;
  /** The stored, empty reply; null for a chat that stores nothing. */
  readonly reply: { readonly id: string; readonly conversationId: string } | null;
}

export interface FinishedReply {
  readonly text: string;
  readonly tokens: number;
  /** Null when the reply is complete. */
  readonly failure: { readonly code: ReplyFailure; readonly reason: string } | null;
}

export interface RunningReplyNeeds {
  readonly database: Pick<Database, 'transaction'>;
  readonly replies: Pick<RepliesRepository, 'checkpoint' | 'finish' | 'isStreaming'>;
  readonly usage: Pick<UsageService, 'settle'>;
  readonly messages: Pick<MessagesService, 'publish'>;
  readonly model: LanguageModel;
  readonly counter: TokenCounter;
  readonly events: EventLog;
  readonly log: Log;
}

/** A reply while the model writes it. It depends on no client's connection, and ends exactly once. */
export class RunningReply {
  /** Key of the reply's stream in the event log. */
  readonly stream: string;
  /** Resolves when the reply is stored and settled, and its last event is sent; never rejects. */
  readonly finished: Promise<FinishedReply>;

  readonly #abort = new AbortController();
  #stopCode: ReplyFailure | undefined;
  #text = '';
  readonly #deltaEnds: number[] = [];
  #appended: Promise<void> = Promise.resolve();
  readonly #unlogged: ReplyEvent[] = [];
  #stored = 0;
  #checkpoint: Promise<void> | undefined;

  constructor(
    private readonly job: ReplyJob,
    private readonly needs: RunningReplyNeeds,
  ) {
    this.stream = replyStream(job.reply?.id ?? job.reservation.entryId);
    this.finished = this.#run();
  }

  get entryId(): string {
    return this.job.reservation.entryId;
  }

  /** Ends the reply early and keeps the text so far. The first call decides the code. */
  stop(code: ReplyFailure): void {
    this.#stopCode ??= code;
    this.#abort.abort();
  }

  async #run(): Promise<FinishedReply> {
    const checkpoints = setInterval(() => {
      this.#checkpoint ??= this.#storeProgress().finally(() => (this.#checkpoint = undefined));
    }, CHECKPOINT_MS);
    const gatherer = new DeltaGatherer((delta) => {
      this.#text += delta;
      this.#deltaEnds.push(this.#text.length);
      this.#append({ type: 'delta', text: delta });
    });
    let reportedTokens: number | null = null;
    let failure: FinishedReply['failure'] = null;
    try {
      const { messages, promptTokens, reservation } = this.job;
      const maxTokens = Math.max(1, reservation.tokens - promptTokens);
      for await (const event of this.needs.model.stream({ messages, maxTokens, signal: this.#abort.signal })) {
        if (event.type === 'text') gatherer.add(event.text);
        else reportedTokens = event.totalTokens;
      }
    } catch (error) {
      failure = this.#failureOf(error);
    }
    gatherer.end();
    clearInterval(checkpoints);
    await this.#checkpoint;
    return this.#finish(failure, reportedTokens);
  }

  async #finish(failure: FinishedReply['failure'], reportedTokens: number | null): Promise<FinishedReply> {
    const settlement = this.#settlement(failure, reportedTokens);
    const result = { text: this.#text, tokens: settlement.tokens, failure };
    const messageId = this.job.reply?.id ?? null;
    const stored = await this.#storeEnd(result, settlement);
    this.#append(
      failure === null
        ? { type: 'completed', response: result.text, tokens: result.tokens, messageId }
        : { type: 'failed', ...failure, partial: result.text, messageId },
    );
    await this.#appended;
    if (stored && this.job.reply !== null) {
      await this.needs.messages
        .publish(this.job.reply.conversationId, { type: 'updated', messageId: this.job.reply.id })
        .catch((error: unknown) => {
          this.#warn(error, 'the end of a reply was not published');
        });
    }
    return result;
  }

  #settlement(failure: FinishedReply['failure'], reportedTokens: number | null): Settlement {
    const countsAsMessage = this.job.reply !== null || failure === null || this.#text !== '';
    if (reportedTokens !== null) return { tokens: reportedTokens, source: 'REPORTED', countsAsMessage };
    // A provider that failed before any text has charged nothing; one that was cut off has processed the prompt.
    const free = failure?.code === 'UPSTREAM_FAILED' && this.#text === '';
    const tokens = free ? 0 : this.job.promptTokens + this.needs.counter.countText(this.#text);
    return { tokens, source: 'ESTIMATED', countsAsMessage };
  }

  async #storeEnd(result: FinishedReply, settlement: Settlement): Promise<boolean> {
    const { reply, reservation } = this.job;
    const { replies, usage, database } = this.needs;
    const status = result.failure === null ? ('COMPLETE' as const) : failedStatus(result.text);
    const end = { ...result, status, deltaEnds: this.#deltaEnds };
    for (let attempt = 0; ; attempt++) {
      try {
        await database.transaction(async (sql) => {
          if (reply !== null) await replies.finish(sql, reply.id, end);
          await usage.settle(sql, reservation, settlement);
        });
        return true;
      } catch (error) {
        const wait = FINISH_RETRY_MS[attempt];
        if (wait === undefined) {
          this.needs.log.error(
            { err: error, reply: reply?.id },
            'the end of a reply was not stored; recovery will end it',
          );
          return false;
        }
        this.#warn(error, 'the end of a reply was not stored, trying again');
        await delay(wait);
      }
    }
  }

  async #storeProgress(): Promise<void> {
    const { reply } = this.job;
    if (reply === null) return;
    const { replies } = this.needs;
    const deltas = this.#deltaEnds.length;
    try {
      // Checked even without new text: the model may be silent for long, and a deletion must still stop it.
      const isThere =
        deltas === this.#stored
          ? await replies.isStreaming(reply.id)
          : await replies.checkpoint(reply.id, this.#text, [...this.#deltaEnds]);
      if (isThere) this.#stored = deltas;
      else this.stop('DELETED');
    } catch (error) {
      this.#warn(error, 'the progress of a reply was not stored');
    }
  }

  /** Appends in order, one call at a time. Events of a failed call go with the next, so that numbers have no gaps. */
  #append(event: ReplyEvent): void {
    this.#unlogged.push(event);
    this.#appended = this.#appended.then(async () => {
      const events = [...this.#unlogged];
      if (events.length === 0) return;
      try {
        await this.needs.events.append(this.stream, events);
        this.#unlogged.splice(0, events.length);
      } catch (error) {
        this.#warn(error, 'events of a reply were not logged; its readers go on from what is stored');
      }
    });
  }

  #failureOf(error: unknown): { code: ReplyFailure; reason: string } {
    const code = this.#stopCode;
    if (code !== undefined && code !== 'UPSTREAM_FAILED') return { code, reason: REASONS[code] };
    if (error instanceof UpstreamFailed) return { code: 'UPSTREAM_FAILED', reason: error.reason };
    if (error instanceof DomainError) return { code: 'UPSTREAM_FAILED', reason: error.message };
    this.needs.log.error({ err: error, reply: this.job.reply?.id }, 'a reply failed');
    return { code: 'INTERNAL_SERVER_ERROR', reason: REASONS.INTERNAL_SERVER_ERROR };
  }

  #warn(error: unknown, message: string): void {
    this.needs.log.warn({ err: error, reply: this.job.reply?.id }, message);
  }
}
