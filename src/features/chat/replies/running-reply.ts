import { abortWith } from '../../../kernel/abort-with.js';
import { DomainError, Unavailable, UpstreamFailed, UpstreamResting } from '../../../kernel/errors.js';
import type { Log } from '../../../kernel/log.js';
import { duringRequest } from '../../../kernel/request-scope.js';
import type { Database, Sql } from '../../../ports/database.js';
import { FIRST_WRITER } from '../../../ports/event-log.js';
import type {
  ModelEvent,
  ModelFinishReason,
  ModelToolCall,
  ModelUsage,
  TokenCounter,
} from '../../../ports/language-model.js';
import type { ModelFailureLog } from '../../../ports/model-failure-log.js';
import type { Tracing } from '../../../ports/tracing.js';
import { textOf } from '../messages/message.js';
import type { NotedAct } from '../feeds/event-feed.js';
import type { MessagesService } from '../messages/messages.service.js';
import {
  contentEvents,
  EMPTY_TRANSCRIPT,
  eventCount,
  GrowingTranscript,
  hasAnswer,
  toolCallsIn,
  writtenBy,
  writtenIn,
  type ContentEvent,
  type ToolCall,
  type Transcript,
} from '../messages/reply-transcript.js';
import { begunGeneration, sumOf, type Generation } from '../models/generation.js';
import type { ModelOrder, ServedModel } from '../models/model-catalogue.js';
import { costOf } from '../models/price.js';
import type { Reservation, Settlement } from '../usage/usage.js';
import type { UsageService } from '../usage/usage.service.js';
import { AnswerBudget } from './answer-budget.js';
import { EventGatherer } from './event-gatherer.js';
import { prepareCall, reportedCounts, type AnswerCounts, type ModelCall } from './model-call.js';
import type { Prompt } from './prompt.js';
import type { Failure, RepliesRepository } from './replies.repository.js';
import { endingOf, failedStatus, failureOf, finishReasonOf, REASONS, replyStream, type ReplyFailure } from './reply.js';
import { ReplyEvents } from './reply-events.js';
import { ReplyKeeper, type ReplyKeeperNeeds } from './reply-keeper.js';
import { callOf, MAX_CALLS, openCalls, resultOf, UNKNOWN_SERVER, type AnswerOptions, type OwnTools } from './tools.js';

/** Before the end of a reply is tried to be stored again: doubled each time, up to the maximum. */
const STORE_RETRY_MS = { first: 100, most: 500 };
/** Tries of what fails although the database answers: it would fail for ever. */
const MAX_FAULTS = 5;

/** A question to the model for which usage is reserved. */
export interface ReplyJob {
  readonly reservation: Reservation;
  /** Which models may answer. */
  readonly order: ModelOrder;
  /** For the first of them. */
  readonly prompt: Prompt;
  /** The id of the client's request, for the log. */
  readonly requestId: string | undefined;
  /** Tools and form of the answer. */
  readonly options: AnswerOptions;
  /** The tools that the service calls itself; null where it has none for this user. */
  readonly own: OwnTools | null;
  /** The model may call no more tools. */
  readonly mustAnswer: boolean;
  /** The stored reply; null for a chat that stores nothing. */
  readonly reply: {
    readonly id: string;
    readonly conversationId: string;
    /** The question, to be removed with the reply when the model fails before any text; null when both stay. */
    readonly forgettableQuestionId: string | null;
    /** What came before this round; null in the first one. */
    readonly resumed: ResumedReply | null;
  } | null;
  /** Keeps the end of a chat that stores nothing, in the transaction that settles its usage, for a caller who comes back. */
  readonly keepEnd?: ((sql: Sql, end: FinishedReply) => Promise<void>) | undefined;
}

/** A reply that goes on after its tools were answered. */
export interface ResumedReply {
  /** With the results. */
  readonly transcript: Transcript;
  /** What it has taken so far; null where that is not known. */
  readonly tokens: number;
  readonly generation: Generation | null;
  /** The right to write its stream into the event log, and the number of the last event that is there. */
  readonly writer: number;
  readonly logged: number;
}

export interface FinishedReply {
  readonly text: string;
  readonly tokens: number;
  readonly generation: Generation;
  /** Null when the reply is complete, or goes on. */
  readonly failure: Failure | null;
  /** Who goes on after a round that called tools; null when the reply has ended. */
  readonly next: 'client' | 'service' | null;
}

/** A reply after a round, as it is stored and told. */
interface Round extends FinishedReply {
  /** What this round alone has used. */
  readonly settlement: Settlement & { readonly spent: Generation };
}

/** How a model's answer ended. */
interface Ending {
  readonly usage: ModelUsage | null;
  /** Null where the provider gave none, since the answer was cut. */
  readonly finishReason: ModelFinishReason | null;
  readonly failure: Failure | null;
}

export interface CompleteReply {
  readonly id: string;
  readonly conversationId: string;
}

export interface ReplyLimits {
  /** Maximum seconds and characters of an answer. */
  readonly maxReplySeconds: number;
  readonly maxReplyCharacters: number;
  /** How long a reply waits for the client to answer its tools. */
  readonly toolWaitSeconds: number;
}

export interface RunningReplyNeeds extends ReplyKeeperNeeds {
  readonly database: Pick<Database, 'afterCommit' | 'transaction'>;
  readonly replies: Pick<RepliesRepository, 'find' | 'finish' | 'pause' | 'remove'>;
  readonly usage: Pick<UsageService, 'findSettled' | 'raise' | 'settle'>;
  readonly messages: Pick<MessagesService, 'act' | 'lock' | 'note'>;
  readonly counter: TokenCounter;
  readonly failures: ModelFailureLog;
  /** Called in the transaction that stores a complete reply, which has locked the conversation. */
  readonly onComplete?: ((sql: Sql, reply: CompleteReply) => Promise<void>) | undefined;
  readonly limits: ReplyLimits;
  readonly log: Log;
  /** Is told of the reply as a part of the request that it answers. */
  readonly tracing?: Pick<Tracing, 'during'> | undefined;
}

/** How long an answer that was cut waits for what the provider counted. */
const COUNT_PATIENCE_MS = 1_000;

/** How long a reply may be between two rounds, where nobody has to be waited for. */
const BETWEEN_ROUNDS_SECONDS = 30;

/** What became of an attempt to store a reply's end. */
type Stored = 'stored' | 'deleted' | 'ended elsewhere';

/**
 * A reply while the model writes it: the whole of it, or the part up to where tools were called. It depends on no client's
 * connection, and ends exactly once: when its end is stored and its usage settled, which is tried for as long as this instance
 * lives.
 */
export class RunningReply {
  /** What readers on this instance are shown. */
  readonly events: ReplyEvents;
  /** Resolves when the reply is stored and settled; never rejects. */
  readonly finished: Promise<FinishedReply>;

  readonly #keeper: ReplyKeeper | null;
  readonly #abort = new AbortController();
  readonly #abandoned = new AbortController();
  /** That it has ended, for those who follow its conversation. */
  readonly #news: NotedAct;
  #failure: Failure | undefined;
  #isLost = false;
  readonly #transcript: GrowingTranscript;
  /** The model that is asked, or was last. */
  #call: ModelCall;
  readonly #askedAt: number;
  #firstTextMs: number | null = null;
  /** Whether the model has written anything in this round; and how many characters of it were told. */
  #hasBegun = false;
  #writtenLength = 0;
  #hasCalled = false;

  constructor(
    private readonly job: ReplyJob,
    private readonly needs: RunningReplyNeeds,
  ) {
    this.#news = needs.messages.act();
    const { reply, order } = job;
    const before = reply?.resumed?.transcript ?? EMPTY_TRANSCRIPT;
    this.#transcript = new GrowingTranscript(before);
    this.events = new ReplyEvents(this.#transcript);
    this.#askedAt = needs.timers.now();
    this.#call = this.#prepare(order.line[0]);
    this.#keeper =
      reply &&
      new ReplyKeeper(
        {
          id: reply.id,
          stream: replyStream(reply.id),
          events: this.events,
          progress: () => this.#transcript.copy,
          writer: reply.resumed?.writer ?? FIRST_WRITER,
          logged: Math.min(reply.resumed?.logged ?? 0, eventCount(before)),
          onGone: () => {
            this.lose();
          },
        },
        needs,
      );
    this.finished = new Promise((resolve) => {
      needs.database.afterCommit(
        () => {
          // The request may be answered long before.
          resolve(duringRequest(this.job.requestId, () => this.#runTraced()));
        },
        () => {
          resolve(this.#neverBegin());
        },
      );
    });
  }

  get entryId(): string {
    return this.job.reservation.entryId;
  }

  get messageId(): string | null {
    return this.job.reply?.id ?? null;
  }

  /** Ends the reply early and keeps the text so far. The first call decides the code. */
  stop(code: ReplyFailure, reason: string = REASONS.STOPPED): void {
    this.#failure ??= { code, reason };
    this.#abort.abort();
  }

  /** It is no longer to be written: its message was deleted, or another instance took it for dead and has ended it. */
  lose(): void {
    this.#isLost = true;
    this.#abort.abort();
  }

  /** Tries no longer to store the end: this process ends. Another instance will end the reply. */
  abandon(): void {
    this.#abandoned.abort();
    this.#keeper?.abandon();
    this.#abort.abort();
  }

  /** The question was not stored after all. */
  #neverBegin(): FinishedReply {
    this.#keeper?.abandon();
    this.events.close();
    const { line, requested } = this.job.order;
    const generation = begunGeneration(line[0].name, requested);
    return { text: '', tokens: 0, generation, failure: failureOf('INTERRUPTED'), next: null };
  }

  #runTraced(): Promise<FinishedReply> {
    const { tracing } = this.needs;
    if (tracing === undefined) return this.#run();
    const attributes = { 'flynkle.message.id': this.messageId ?? undefined };
    // A round after one that called tools begins when the request that asked is over.
    return tracing.during('reply', { attributes, follows: true }, async (span) => {
      const finished = await this.#run();
      if (finished.failure !== null) span?.fail(finished.failure.code);
      return finished;
    });
  }

  async #run(): Promise<FinishedReply> {
    const ending = await this.#generate();
    const { usage, failure } = ending;
    await this.#keeper?.endProgress();
    const settlement = this.#settlement(ending);
    const before = this.job.reply?.resumed;
    const round: Round = {
      text: this.#transcript.text,
      tokens: (before?.tokens ?? 0) + settlement.tokens,
      generation: sumOf(before?.generation ?? null, settlement.spent),
      failure,
      next: failure === null ? this.#next : null,
      settlement,
    };
    const stored = await this.#store(round);
    if (stored === 'ended elsewhere') return this.#leave(round);
    if (stored === null) return this.#giveUp(round);
    this.#learn(usage);
    return this.#tell(stored === 'deleted' ? { ...round, failure: failureOf('DELETED'), next: null } : round);
  }

  /** Who goes on when the model has called tools. */
  get #next(): FinishedReply['next'] {
    if (!this.#hasCalled) return null;
    return openCalls(this.#transcript).length > 0 ? 'client' : 'service';
  }

  /** Lets the model write, until it ends, fails, or is stopped; where it fails before it wrote anything, the next one of the line. */
  async #generate(): Promise<Ending> {
    const { timers, limits } = this.needs;
    const gatherer = new EventGatherer((event) => {
      this.#say(event);
    }, timers);
    const cancelTimeout = timers.after(limits.maxReplySeconds * 1_000, () => {
      this.stop('UPSTREAM_FAILED', REASONS.TOO_LONG);
    });
    const ending = await this.#askInTurn(this.job.order.line, gatherer);
    cancelTimeout();
    gatherer.end();
    return ending;
  }

  async #askInTurn([model, ...others]: ModelOrder['line'], gatherer: EventGatherer): Promise<Ending> {
    this.#call = this.#prepare(model);
    try {
      return await this.#ask(this.#call, gatherer);
    } catch (error) {
      const [next, ...rest] = others;
      if (next === undefined || !this.#mayAskAnother(error)) {
        return { usage: null, finishReason: null, failure: this.#failureOf(error) };
      }
      this.#recordFailure(error);
      return this.#askInTurn([next, ...rest], gatherer);
    }
  }

  #prepare(model: ServedModel): ModelCall {
    const { order, prompt, reservation } = this.job;
    return prepareCall(model, order, prompt, reservation, this.needs.counter);
  }

  /** @throws what the model's adapter throws */
  async #ask(call: ModelCall, gatherer: EventGatherer): Promise<Ending> {
    const ending = new AbortController();
    const leave = abortWith(this.#abort.signal, ending);
    try {
      return await this.#take(call, gatherer, ending);
    } finally {
      leave();
    }
  }

  /** Takes what the model writes, until `ending` aborts. */
  async #take(
    { model, prompt, maxTokens, cost }: ModelCall,
    gatherer: EventGatherer,
    ending: AbortController,
  ): Promise<Ending> {
    const { timers, limits, counter } = this.needs;
    const { requestId, order } = this.job;
    const budget = new AnswerBudget(maxTokens, counter, cost);
    const { options, own, mustAnswer } = this.job;
    const tools = model.takesTools ? [...options.tools, ...(own?.tools ?? [])] : [];
    const request = {
      messages: prompt.messages,
      maxTokens,
      signal: ending.signal,
      ...(order.temperature !== null && { temperature: order.temperature }),
      ...(tools.length > 0 && { tools, mustAnswer }),
      ...(options.responseFormat !== null && { responseFormat: options.responseFormat }),
      ...(requestId !== undefined && { requestId }),
    };
    const calls: ModelToolCall[] = [];
    let length = 0;
    const events = model.language.stream(request)[Symbol.asyncIterator]();
    for await (const event of { [Symbol.asyncIterator]: () => events }) {
      if (event.type === 'end') {
        gatherer.end();
        // Nobody is told of calls that are more than what was reserved, nor charged for them: a provider that keeps to its limit cuts them.
        if (event.usage === null && budget.isSpent(calls.map((call) => call.name + call.arguments).join('')))
          return { usage: null, finishReason: 'LENGTH', failure: null };
        return { ...event, failure: await this.#callTools(calls) };
      }
      if (event.type === 'text') this.#firstTextMs ??= Math.round(timers.now() - this.#askedAt);
      this.#hasBegun = true;
      if (event.type === 'tool-call') calls.push(event);
      else gatherer.add(event.type === 'text' ? 'delta' : event.type, event.text);
      length += event.type === 'tool-call' ? event.name.length + event.arguments.length : event.text.length;
      if (length > limits.maxReplyCharacters || calls.length > MAX_CALLS) throw new UpstreamFailed(REASONS.TOO_LARGE);
      if (budget.isSpent(event.type === 'tool-call' ? '' : event.text)) return await this.#endSpent(events, ending);
    }
    return { usage: null, finishReason: 'LENGTH', failure: null };
  }

  /**
   * Ends an answer that has taken what was reserved for it by our count, as if the provider had kept to its limit. One that did so
   * by its own count says that next, and is believed.
   */
  async #endSpent(events: AsyncIterator<ModelEvent>, ending: AbortController): Promise<Ending> {
    const cancel = this.needs.timers.after(COUNT_PATIENCE_MS, () => {
      ending.abort();
    });
    const next = await events.next().catch(() => null);
    cancel();
    const end = next?.done === false && next.value.type === 'end' ? next.value : null;
    const isPaid = end?.usage != null && end.usage.totalTokens <= this.job.reservation.tokens;
    return { usage: isPaid ? end.usage : null, finishReason: 'LENGTH', failure: null };
  }

  /** Before anything was written, and for as long as somebody waits for the answer. */
  #mayAskAnother(error: unknown): error is UpstreamFailed {
    return !this.#hasBegun && !this.#abort.signal.aborted && error instanceof UpstreamFailed && error.anotherMayAnswer;
  }

  /** Tells of the calls, and answers those of the service's own tools. @returns why the reply ends here, if it does */
  async #callTools(wanted: readonly ModelToolCall[]): Promise<Failure | null> {
    if (wanted.length === 0) return null;
    if (this.job.mustAnswer) return { code: 'UPSTREAM_FAILED', reason: REASONS.TOO_MANY_ROUNDS };
    const { own, options } = this.job;
    const calls = wanted.map((call): ToolCall => {
      const used = toolCallsIn(this.#transcript).map((earlier) => earlier.call.id);
      const isClients = options.tools.some(({ name }) => name === call.name);
      const told = callOf(call, used, isClients ? null : (own?.serverOf(call.name) ?? UNKNOWN_SERVER));
      this.#say(told);
      return told;
    });
    this.#hasCalled = true;
    const { signal } = this.#abort;
    await Promise.all(
      calls.map(async (call) => {
        if (call.server === null) return;
        const isKnown = own !== null && call.server !== UNKNOWN_SERVER;
        const result = isKnown ? await own.call(call, signal) : resultOf(call.id, { error: 'There is no such tool' });
        if (!signal.aborted) this.#say(result);
      }),
    );
    return signal.aborted ? this.#failureOf(signal.reason) : null;
  }

  #say(event: ContentEvent): void {
    this.#writtenLength += writtenBy(event).length;
    this.events.add(event);
    if (this.#keeper === null) this.events.show(this.events.last);
    else this.#keeper.keep();
  }

  /** What of this round was told, in order. */
  get #written(): string {
    const before = this.job.reply?.resumed?.transcript ?? EMPTY_TRANSCRIPT;
    if (this.#transcript.parts === null) return this.#transcript.text.slice(before.text.length);
    return writtenIn(contentEvents(this.#transcript).slice(eventCount(before)));
  }

  /** By the provider's figure where there is one, else by the tokenizer's. */
  #settlement({ failure, usage, finishReason }: Ending): Settlement & { readonly spent: Generation } {
    const isKept = this.job.reply !== null && this.#forgotten(failure) === null;
    const countsAsMessage = isKept || failure === null || hasAnswer(this.#transcript);
    const counts = this.#countsOf(usage, failure);
    const { name, price } = this.#call.model;
    const spent: Generation = {
      model: name,
      requestedModel: this.job.order.requested,
      promptTokens: counts.prompt,
      cachedTokens: counts.cached,
      completionTokens: counts.completion,
      reasoningTokens: counts.reasoning,
      cost: price && costOf(price, counts),
      firstTextMs: this.#firstTextMs,
      finishReason: failure === null ? finishReason : finishReasonOf(failure.code),
    };
    const tokens = counts.prompt + counts.completion;
    return { tokens, source: usage === null ? 'ESTIMATED' : 'REPORTED', spent, countsAsMessage };
  }

  #countsOf(usage: ModelUsage | null, failure: Failure | null): AnswerCounts {
    const completion = this.needs.counter.countText(this.#written);
    if (usage !== null) return reportedCounts(usage, completion);
    // A provider that failed before it wrote anything has charged nothing; one that was cut off has processed the prompt.
    const isFree = failure?.code === 'UPSTREAM_FAILED' && this.#writtenLength === 0;
    return { prompt: isFree ? 0 : this.#call.prompt.tokens, cached: null, completion, reasoning: null };
  }

  /** The question and the reply that leave the conversation, since there is no answer; null when they stay. */
  #forgotten(failure: Failure | null): readonly string[] | null {
    const { reply } = this.job;
    if (reply?.forgettableQuestionId == null || hasAnswer(this.#transcript)) return null;
    return failure === null || failure.code === 'STOPPED' ? null : [reply.id, reply.forgettableQuestionId];
  }

  /** @returns null when this was given up */
  async #store(round: Round): Promise<Stored | null> {
    return this.#untilDone(
      async () => (await this.#tryToStore(round)) ?? (await this.#whoseEnd(round)),
      'the end of a reply was not stored; it is tried until it is',
      'the end of a reply cannot be stored; recovery will end it',
    );
  }

  /**
   * Tries for as long as this instance lives, but not for ever what fails although the database answers.
   * @param trying logged at the first failure
   * @param givingUp logged when it would fail for ever
   * @returns null when it was given up
   */
  async #untilDone<Result>(work: () => Promise<Result>, trying: string, givingUp: string): Promise<Result | null> {
    let faults = 0;
    for (
      let delay = STORE_RETRY_MS.first;
      !this.#abandoned.signal.aborted;
      delay = Math.min(2 * delay, STORE_RETRY_MS.most)
    ) {
      try {
        return await work();
      } catch (error) {
        if (!(error instanceof Unavailable) && ++faults >= MAX_FAULTS) {
          this.needs.log.error({ err: error, ...this.#ids }, givingUp);
          return null;
        }
        if (delay === STORE_RETRY_MS.first) this.#warn(error, trying);
        await this.needs.timers.sleep(delay, this.#abandoned.signal);
      }
    }
    return null;
  }

  /** One transaction. @returns null when the usage has been settled before, by this instance or another one */
  #tryToStore(round: Round): Promise<Stored | null> {
    const { messages, replies, usage, database } = this.needs;
    const { reply, reservation } = this.job;
    const forgotten = this.#forgotten(round.failure);
    const onComplete = round.failure === null && round.next === null ? this.needs.onComplete : undefined;
    return database.transaction(async (sql) => {
      // Before the usage, as whoever asks has it: that changes the replies of a branch that it hides, this one too, before it
      // charges the day. In another order they could wait for each other.
      if (reply !== null) await messages.lock(sql, reply.conversationId);
      const { settlement, ...end } = round;
      if (!(await usage.settle(sql, reservation, settlement))) return null;
      await this.job.keepEnd?.(sql, end);
      const gone = forgotten && (await replies.remove(sql, forgotten));
      if (gone === null && reply !== null && !(await this.#storeIn(sql, reply.id, round))) return 'deleted';
      if (reply !== null) {
        await onComplete?.(sql, reply);
        await messages.note(this.#news, sql, reservation.userId, reply.conversationId, ...endingOf(reply.id, gone));
      }
      return 'stored';
    });
  }

  /** @returns false when the reply had already ended or does not exist */
  #storeIn(sql: Sql, id: string, { tokens, generation, failure, next }: Round): Promise<boolean> {
    const { replies, limits } = this.needs;
    const transcript = this.#transcript.copy;
    if (next !== null) {
      const seconds = next === 'client' ? limits.toolWaitSeconds : BETWEEN_ROUNDS_SECONDS;
      return replies.pause(sql, id, { transcript, tokens, generation, seconds });
    }
    const status = failure === null ? ('COMPLETE' as const) : failedStatus(transcript);
    const endsGiven = [this.events.last + 1];
    return replies.finish(sql, id, { status, transcript, tokens, generation, failure, endsGiven });
  }

  /** Whether what is stored already is ours, of a transaction whose answer was lost. */
  async #whoseEnd({ settlement, text, failure, next }: Round): Promise<Stored> {
    const { replies, usage } = this.needs;
    const settled = await usage.findSettled(this.entryId);
    if (settled?.tokens !== settlement.tokens) return 'ended elsewhere';
    if (this.job.reply === null) return 'stored';
    const row = await replies.find(this.job.reply.id);
    if (row === null) return this.#forgotten(failure) === null ? 'deleted' : 'stored';
    // It may have gone on since, and even ended.
    if (next !== null) return row.failureCode === 'INTERRUPTED' ? 'ended elsewhere' : 'stored';
    const status = failure === null ? 'COMPLETE' : failedStatus(this.#transcript);
    const isOurs = row.status === status && textOf(row) === text && row.failureCode === (failure?.code ?? null);
    return isOurs ? 'stored' : 'ended elsewhere';
  }

  #tell({ settlement: _, ...result }: Round): FinishedReply {
    const { text, tokens, generation, failure, next } = result;
    const { reply } = this.job;
    if (next !== null && reply !== null) {
      this.#keeper?.finish(false);
      this.#news.tell();
      return result;
    }
    const forgotten = this.#forgotten(failure);
    const isGone = forgotten !== null || failure?.code === 'DELETED';
    const messageId = isGone ? null : this.messageId;
    this.events.add(
      failure === null
        ? { type: 'completed', response: text, tokens, messageId, generation }
        : { type: 'failed', ...failure, partial: text, messageId, generation },
    );
    if (this.#keeper === null || reply === null) {
      this.events.show(this.events.last);
      this.events.close();
      return result;
    }
    this.#keeper.finish(true);
    if (forgotten !== null || !isGone) this.#news.tell();
    return result;
  }

  /** Another instance has ended the reply, or it was deleted: what was generated is charged, and readers go on from the row. */
  async #leave(result: Round): Promise<FinishedReply> {
    const { replies, usage } = this.needs;
    const { tokens, generation, settlement } = result;
    this.#keeper?.abandon();
    const left = await this.#untilDone(
      async (): Promise<FinishedReply> => {
        await usage.raise(this.job.reservation, settlement);
        if (this.messageId === null) return this.#tell(result);
        const row = await replies.find(this.messageId);
        this.events.close();
        if (row === null) return { ...result, failure: failureOf('DELETED'), next: null };
        const failure =
          row.failureCode === null ? null : { code: row.failureCode, reason: row.failureReason ?? REASONS.INTERRUPTED };
        return {
          text: textOf(row) ?? '',
          tokens: row.tokens ?? tokens,
          generation: row.generation ?? generation,
          failure,
          next: null,
        };
      },
      'a reply that another instance ended was not settled; it is tried until it is',
      'a reply that another instance ended cannot be settled',
    );
    return left ?? this.#giveUp(result);
  }

  /** For readers, the reply goes on elsewhere: in the row, once recovery has ended it. */
  #giveUp(result: FinishedReply): FinishedReply {
    if (this.#abandoned.signal.aborted) {
      this.needs.log.error(
        { ...this.#ids, characters: result.text.length },
        'a reply was not stored before the process ended; what the event log has of it is kept by another instance',
      );
    }
    this.#keeper?.abandon();
    this.events.close();
    return { ...result, failure: failureOf('INTERRUPTED'), next: null };
  }

  #learn(usage: ModelUsage | null): void {
    if (usage === null) return;
    const answer = this.needs.counter.countText(this.#written);
    const { model, prompt } = this.#call;
    const theirs = reportedCounts(usage, answer);
    model.rates.learn({
      prompt: { ours: prompt.tokens, theirs: theirs.prompt },
      answer: usage.promptTokens === null ? null : { ours: answer, theirs: theirs.completion },
    });
  }

  #failureOf(error: unknown): Failure {
    if (this.#failure !== undefined) return this.#failure;
    if (this.#isLost || this.#abandoned.signal.aborted) return failureOf('INTERRUPTED');
    if (error instanceof UpstreamFailed) {
      this.#recordFailure(error);
      return { code: 'UPSTREAM_FAILED', reason: error.reason };
    }
    if (error instanceof DomainError) return { code: 'UPSTREAM_FAILED', reason: error.message };
    this.needs.log.error({ err: error, ...this.#ids }, 'a reply failed');
    return failureOf('INTERNAL_SERVER_ERROR');
  }

  /** Not awaited: the reader's answer does not wait for what admins may look into. */
  #recordFailure(failure: UpstreamFailed): void {
    // A provider that was not asked has nothing to look into.
    if (failure instanceof UpstreamResting) return;
    const { reason, evidence } = failure;
    const { requestId = null } = this.job;
    this.needs.failures
      .record({ ...evidence, requestId, messageId: this.messageId, model: this.#call.model.name, reason })
      .catch((error: unknown) => {
        this.#warn(error, 'a failure of the model was not recorded');
      });
  }

  get #ids() {
    return { requestId: this.job.requestId, reply: this.messageId, entry: this.entryId };
  }

  #warn(error: unknown, message: string): void {
    this.needs.log.warn({ err: error, ...this.#ids }, message);
  }
}
