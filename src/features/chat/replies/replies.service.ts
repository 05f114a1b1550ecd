import {
  Conflict,
  DomainError,
  Invalid,
  NotFound,
  QuotaExceeded,
  Unavailable,
  type Fault,
} from '../../../kernel/errors.js';
import { newId } from '../../../kernel/ids.js';
import { inTurn, watched } from '../../../kernel/pushed.js';
import type { Viewer } from '../../../kernel/viewer.js';
import type { Database, Sql } from '../../../ports/database.js';
import type { Log } from '../../../kernel/log.js';
import type { Timers } from '../../../kernel/timers.js';
import type { EventLog } from '../../../ports/event-log.js';
import { keyedAct } from '../../../ports/keyed-act.js';
import type { ModelMessage, TokenCounter } from '../../../ports/language-model.js';
import type { RateLimiter } from '../../../ports/rate-limiter.js';
import { selectionOf } from '../conversations/conversation-event.js';
import type { ConversationsService } from '../conversations/conversations.service.js';
import {
  promptTextOf,
  type Addition,
  type ImageReference,
  type MessageContent,
  type MessageRow,
  type NewMessage,
  type Remark,
} from '../messages/message.js';
import type { MessagesService } from '../messages/messages.service.js';
import { begunGeneration, type Generation } from '../models/generation.js';
import type { ModelChoice, ModelSettings } from '../models/model.js';
import { NO_SETTINGS, type ModelCatalogue, type ModelOrder } from '../models/model-catalogue.js';
import type { UsageService } from '../usage/usage.service.js';
import { fittingImages, type Images } from './images.js';
import { longestAnswer } from './model-call.js';
import { buildPrompt, systemMessage, withExtras, type Prompt, type PromptExtras } from './prompt.js';
import type { Failure, RepliesRepository } from './replies.repository.js';
import type { ReplyRunner } from './reply-runner.js';
import { readReply } from './reply-reader.js';
import { endedReply, RepeatedQuestions, type AskedBefore } from './repeated-questions.js';
import {
  assertOpenAccount,
  endsReply,
  failureOf,
  faultOfQuestion,
  LEASE_SECONDS,
  replyContent,
  replyError,
  type SequencedReplyEvent,
} from './reply.js';
import type { FinishedReply, ReplyJob, RunningReply } from './running-reply.js';
import { NOT_WAITING, type ToolRounds } from './tool-rounds.js';
import {
  messagesOf,
  NO_OPTIONS,
  optionsOf,
  type AnswerOptions,
  type AskedFor,
  type FindOwnTools,
  type OwnTools,
  type SubmittedResult,
} from './tools.js';
import type { WaitingReplies } from './waiting-replies.js';

/** Maximum messages of a conversation that one question reads, however short they are. */
const MAX_REMARKS = 1_000;

/** Maximum milliseconds that `end` waits for the reply's end, which may have to wait for the database. */
const STOP_PATIENCE_MS = 5_000;

/** How long it is tried to let a reply go on whose tools the service has answered, and between two tries. */
const GO_ON_MS = 20_000;
const GO_ON_AGAIN_MS = 500;

/** What stores nothing has nothing to go on with. */
const NEEDS_CONVERSATION: Fault = { field: 'input.tools', message: 'must be empty without a conversation' };

export interface Question extends ModelChoice, AskedFor {
  readonly message: string;
  readonly conversationId?: string | null | undefined;
  /** False stores neither question nor reply when the model fails before any text. True by default. */
  readonly keepUnanswered?: boolean | null | undefined;
  /** As of {@link Addition}. */
  readonly expectedLeafId?: string | null | undefined;
}

export interface NewMessageRequest extends ModelChoice, AskedFor {
  readonly conversationId: string;
  readonly content: MessageContent;
  readonly messageType: string;
  readonly extra?: MessageContent | null | undefined;
  readonly invokeLlm: boolean;
  readonly waitForReply: boolean;
  /** As of {@link Addition}. */
  readonly expectedLeafId?: string | null | undefined;
  readonly versionOf?: string | undefined;
}

export interface RegenerationRequest extends ModelChoice {
  readonly waitForReply: boolean;
  readonly expectedLeafId?: string | null | undefined;
}

export interface CreatedMessage {
  readonly message: MessageRow;
  readonly reply: MessageRow | null;
}

export interface ChatAnswer {
  readonly response: string;
  readonly tokens: number;
  readonly generation: Generation;
  readonly messageId: string | null;
}

export interface RepliesServiceNeeds {
  readonly database: Pick<Database, 'transaction'> & Sql;
  readonly conversations: Pick<ConversationsService, 'get'>;
  readonly messages: Pick<
    MessagesService,
    'act' | 'add' | 'expectLeaf' | 'get' | 'insert' | 'note' | 'open' | 'remarks' | 'remarksBefore'
  >;
  readonly usage: Pick<UsageService, 'chargeOf' | 'checkRemaining' | 'findSettled' | 'refusal' | 'reserve'>;
  readonly replies: Pick<RepliesRepository, 'find' | 'forgetUnanswered' | 'giveEnd'>;
  readonly runner: Pick<ReplyRunner, 'assertOpen' | 'find' | 'findEntry' | 'isDraining' | 'start' | 'stop'>;
  readonly rounds: ToolRounds;
  readonly waiting: Pick<WaitingReplies, 'end'>;
  readonly ownTools: FindOwnTools;
  readonly images: Pick<Images, 'find' | 'shown'>;
  readonly events: EventLog;
  readonly models: Pick<ModelCatalogue, 'order'>;
  readonly counter: TokenCounter;
  readonly timers: Timers;
  readonly limits: { readonly chat: RateLimiter; readonly message: RateLimiter };
  readonly log: Pick<Log, 'error' | 'warn'>;
}

interface AskOptions {
  readonly addition: Addition;
  readonly order: ModelOrder;
  /** What is asked for; null for what was asked for before, with the question or the version of it that was there. */
  readonly answer: AnswerOptions | null;
  readonly kind: 'CHAT' | 'REPLY';
  readonly keepUnanswered: boolean;
  readonly requestId: string | undefined;
}

/** Asks the model, and reads its replies. */
export class RepliesService {
  readonly #repeated: RepeatedQuestions;

  constructor(private readonly needs: RepliesServiceNeeds) {
    this.#repeated = new RepeatedQuestions({ ...needs, read: (id, signal) => this.#read(id, 0, signal) });
  }

  /**
   * Adds a message to a conversation. A `user` message with `invokeLlm` also starts the model's reply.
   * @throws in this order: NotFound; Invalid or QuotaExceeded for the model; StaleLeaf, RateLimited `Too many messages`,
   *   QuotaExceeded
   */
  async createMessage(viewer: Viewer, request: NewMessageRequest, requestId?: string): Promise<CreatedMessage> {
    const repeated = this.#repeated.find();
    if (repeated !== undefined) return this.#repeated.message(viewer, repeated.asked, request.waitForReply);
    const { conversations, limits } = this.needs;
    const asks = request.invokeLlm && request.messageType === 'user';
    const question = asks ? questionOf(request.content) : null;
    if (question !== null) this.needs.runner.assertOpen();
    const conversation = await conversations.get(viewer, request.conversationId);
    const order = question === null ? null : this.order(viewer, request, conversation);
    const answer = order && (await this.answerOptions(viewer, order, request, request.versionOf !== undefined));
    const addition: Addition = { versionOf: request.versionOf, expectedLeafId: request.expectedLeafId };
    await this.needs.messages.expectLeaf(request.conversationId, addition);
    await limits.message(viewer.userId);
    const message: NewMessage = {
      id: newId(),
      conversationId: request.conversationId,
      userId: viewer.userId,
      content: request.content,
      messageType: request.messageType,
      status: 'COMPLETE',
      extra: request.extra ?? null,
      replyToId: null,
      generation: null,
    };
    if (question === null || order === null)
      return { message: await this.store(viewer, message, addition), reply: null };
    await limits.chat(viewer.userId);
    const options = { addition, order, answer, kind: 'REPLY', keepUnanswered: true, requestId } as const;
    const { message: stored, reply, settled } = await this.askIn(viewer, message, question, options);
    if (!request.waitForReply) return { message: stored, reply };
    await settled;
    return { message: stored, reply: await endedReply(this.needs.messages, viewer, stored.id, reply.id) };
  }

  /**
   * Has the model answer a question once more, beside the answers that are there.
   * @returns the new reply
   * @throws in this order: Invalid; Invalid or QuotaExceeded for the model; StaleLeaf, RateLimited, QuotaExceeded
   */
  async answerAgain(
    viewer: Viewer,
    asked: MessageRow,
    { expectedLeafId, waitForReply, ...choice }: RegenerationRequest,
    requestId?: string,
  ): Promise<MessageRow> {
    const repeated = this.#repeated.find();
    if (repeated !== undefined) return this.#repeated.reply(viewer, repeated.asked, waitForReply);
    const fault = faultOfQuestion(asked.content);
    if (fault !== undefined)
      throw new Invalid([{ field: 'messageId', message: `names a question whose text ${fault}` }]);
    this.needs.runner.assertOpen();
    const order = this.order(viewer, choice, await this.needs.conversations.get(viewer, asked.conversationId));
    const addition: Addition = { behind: asked.id, expectedLeafId };
    await this.needs.messages.expectLeaf(asked.conversationId, addition);
    await this.needs.limits.chat(viewer.userId);
    const options = { addition, order, answer: null, kind: 'REPLY', keepUnanswered: true, requestId } as const;
    const { reply, settled } = await this.askIn(viewer, asked, promptTextOf(asked.content), options);
    if (!waitForReply) return reply;
    await settled;
    return this.needs.messages.get(viewer, reply.id);
  }

  /**
   * Asks the model and waits for the whole answer, or until the client has to answer tools. Without a conversation,
   * only usage is stored, and the model stops when `signal` aborts, unless the caller has an `Idempotency-Key` to come back with.
   * @throws in this order: NotFound, Invalid for an unknown model, QuotaExceeded, RateLimited; then UpstreamFailed, or NotFound
   *   when the reply was deleted meanwhile
   */
  async chat(viewer: Viewer, question: Question, signal: AbortSignal, requestId?: string): Promise<ChatAnswer> {
    const repeated = this.#repeated.find();
    if (repeated !== undefined) return this.#repeated.answer(repeated.act, repeated.asked, signal);
    const { running, settled, messageId } = await this.ask(viewer, question, requestId);
    const mayStop = messageId === null && keyedAct() === undefined;
    const stop = () => {
      if (mayStop) running.stop('STOPPED');
    };
    signal.addEventListener('abort', stop, { once: true });
    if (signal.aborted) stop();
    try {
      const finished = await settled;
      assertAnswered(finished);
      const { text: response, tokens, generation } = finished;
      return { response, tokens, generation, messageId };
    } finally {
      signal.removeEventListener('abort', stop);
    }
  }

  /** Like {@link chat}, but streams the answer. */
  async chatEvents(
    viewer: Viewer,
    question: Question,
    signal: AbortSignal,
    requestId?: string,
  ): Promise<AsyncIterable<SequencedReplyEvent>> {
    const repeated = this.#repeated.find();
    if (repeated !== undefined) return this.#repeated.events(repeated.act, repeated.asked, signal);
    const keyed = keyedAct();
    const { running, messageId } = await this.ask(viewer, question, requestId);
    if (messageId !== null) return this.readStored(running, messageId, signal);
    const stop = () => {
      if (keyed === undefined) running.stop('STOPPED');
    };
    // For a consumer that leaves before its first read, at which the events are not followed yet.
    if (signal.aborted) stop();
    signal.addEventListener('abort', stop);
    return watched(running.events.follow(0, signal), { each: assertOpenAccount, over: stop });
  }

  /** @throws NotFound; Invalid for a message that the model did not write */
  async getReply(viewer: Viewer, messageId: string): Promise<MessageRow> {
    const message = await this.needs.messages.get(viewer, messageId);
    if (message.userId !== null) {
      throw new Invalid([{ field: 'messageId', message: 'is not a reply of the model' }]);
    }
    return message;
  }

  /**
   * Streams a reply's events after number `after`, to its end.
   * @throws NotFound; Invalid for a message that the model did not write
   */
  async follow(
    viewer: Viewer,
    messageId: string,
    after: number,
    signal: AbortSignal,
  ): Promise<AsyncIterable<SequencedReplyEvent>> {
    await this.getReply(viewer, messageId);
    return this.#read(messageId, after, signal);
  }

  /** Stops a reply; one that has already ended stays as it is. @returns the ended reply */
  async stop(viewer: Viewer, messageId: string): Promise<MessageRow> {
    const { messages } = this.needs;
    const message = await messages.get(viewer, messageId);
    if (message.status !== 'STREAMING') return message;
    await this.end(messageId);
    return messages.get(viewer, messageId);
  }

  /** Stops a reply that is streaming, on whatever instance, whoever asks for it, and waits for its end. */
  async end(messageId: string): Promise<void> {
    const { runner, waiting } = this.needs;
    if (await waiting.end(messageId, () => failureOf('STOPPED'))) return;
    await runner.stop(messageId);
    const patience = AbortSignal.timeout(STOP_PATIENCE_MS);
    for await (const event of this.#read(messageId, 0, patience)) if (endsReply(event)) break;
  }

  /**
   * Answers the calls that a reply waits for, and lets it go on.
   * @throws in this order: NotFound, Invalid for a message that the model did not write; Unavailable; Conflict when the reply
   *   does not wait, Invalid for results that are not those that it waits for, QuotaExceeded
   */
  async submitToolResults(
    viewer: Viewer,
    messageId: string,
    results: readonly SubmittedResult[],
    requestId?: string,
  ): Promise<MessageRow> {
    await this.getReply(viewer, messageId);
    this.needs.runner.assertOpen();
    // Not limited by itself: a question is, and how often the model may call tools for it.
    const running = await this.goOn(viewer, messageId, results, requestId);
    void this.whenSettled(viewer, running, requestId);
    return this.needs.messages.get(viewer, messageId);
  }

  private async ask(
    viewer: Viewer,
    { message: question, conversationId, keepUnanswered, expectedLeafId, ...request }: Question,
    requestId: string | undefined,
  ): Promise<{ running: RunningReply; settled: Promise<FinishedReply>; messageId: string | null }> {
    const { conversations, messages, usage, limits } = this.needs;
    this.needs.runner.assertOpen();
    const conversation = conversationId == null ? NO_SETTINGS : await conversations.get(viewer, conversationId);
    const order = this.order(viewer, request, conversation);
    const answer = await this.answerOptions(viewer, order, request, false);
    if (conversationId == null && answer?.tools.length !== 0) throw new Invalid([NEEDS_CONVERSATION]);
    const addition: Addition = { expectedLeafId };
    if (conversationId != null) await messages.expectLeaf(conversationId, addition);
    await usage.checkRemaining(viewer);
    await limits.chat(viewer.userId);
    if (conversationId == null) {
      const running = await this.askUnstored(viewer, question, { order, answer }, requestId);
      return { running, settled: running.finished, messageId: null };
    }
    const message: NewMessage = {
      id: newId(),
      conversationId,
      userId: viewer.userId,
      content: { text: question },
      messageType: 'user',
      status: 'COMPLETE',
      extra: null,
      replyToId: null,
      generation: null,
    };
    const options = {
      addition,
      order,
      answer,
      kind: 'CHAT',
      keepUnanswered: keepUnanswered ?? true,
      requestId,
    } as const;
    const { running, settled, reply } = await this.askIn(viewer, message, question, options);
    return { running, settled, messageId: reply.id };
  }

  private async askUnstored(
    viewer: Viewer,
    question: string,
    { order, answer }: Pick<AskOptions, 'answer' | 'order'>,
    requestId: string | undefined,
  ): Promise<RunningReply> {
    const { images } = answer ?? NO_OPTIONS;
    const prompt = this.prompt({ text: question, images }, [], order, { following: [], tools: [] });
    const asked = { order, kind: 'CHAT', messageId: null, requestId } as const;
    const begun = begunGeneration(order.line[0].name, order.requested);
    const keyed = keyedAct();
    const reservation = await this.needs.database.transaction(async (sql) => {
      const reserved = await this.reserve(sql, viewer, prompt, asked);
      await keyed?.remember(sql, { entryId: reserved.entryId, begun, end: null } satisfies AskedBefore);
      return reserved;
    });
    const { entryId } = reservation;
    const keepEnd: ReplyJob['keepEnd'] =
      keyed && ((sql, end) => keyed.amend(sql, { entryId, begun, end } satisfies AskedBefore));
    return this.needs.runner.start({
      order,
      prompt,
      reservation,
      requestId,
      options: answer ?? NO_OPTIONS,
      own: null,
      mustAnswer: false,
      reply: null,
      keepEnd,
    });
  }

  /**
   * Reserves usage and stores the question and an empty reply in one transaction, then starts the reply. The prompt is read in
   * it, too: it is the branch that the question is added to.
   * @param message the question; where the answer is to be behind it, it is stored already
   */
  private async askIn(
    viewer: Viewer,
    message: NewMessage | MessageRow,
    question: string,
    { addition, order, answer, kind, keepUnanswered, requestId }: AskOptions,
  ) {
    const { database, messages, replies, rounds, runner } = this.needs;
    const { conversationId } = message;
    const replyId = newId();
    const takesTools = order.line.some((model) => model.takesTools);
    const own = takesTools ? await this.needs.ownTools(viewer, { conversationId, messageId: replyId }) : null;
    const emptyReply: NewMessage = {
      id: replyId,
      conversationId,
      userId: null,
      content: replyContent(''),
      messageType: 'ai',
      status: 'STREAMING',
      extra: null,
      replyToId: message.id,
      generation: begunGeneration(order.line[0].name, order.requested),
    };
    const news = messages.act();
    const stored = await database.transaction(async (sql) => {
      const end = await messages.open(sql, conversationId, addition);
      const before = isStored(message) ? end.position : end.position + 1;
      const remarks = await messages.remarks(sql, conversationId, before, MAX_REMARKS);
      const options = answer ?? (await rounds.optionsOf(sql, addition.versionOf ?? message.id));
      const extras = { following: [], tools: toolsFor(order, options, own) };
      const prompt = this.prompt({ text: question, images: options.images }, remarks, order, extras);
      const reservation = await this.reserve(sql, viewer, prompt, { order, kind, messageId: replyId, requestId });
      const [asked, reply] = isStored(message)
        ? [message, ...(await messages.insert(sql, end, [emptyReply]))]
        : await messages.insert(sql, end, [message, emptyReply]);
      if (asked === undefined || reply === undefined) throw new Error('an insertion answers each row');
      if (!isStored(message)) await rounds.remember(sql, message.id, options);
      if (!keepUnanswered) await replies.forgetUnanswered(sql, replyId);
      await keyedAct()?.remember(sql, { message: asked, reply } satisfies AskedBefore, replyId);
      await messages.note(
        news,
        sql,
        viewer.userId,
        conversationId,
        ...(isStored(message) ? [] : [{ type: 'created', messageId: message.id } as const]),
        { type: 'reply-started', messageId: replyId },
        ...(end.isSwitched ? [selectionOf(replyId)] : []),
      );
      return { options, prompt, reservation, asked, reply };
    });
    const { options, prompt, reservation, asked, reply } = stored;
    const running = runner.start({
      order,
      prompt,
      reservation,
      requestId,
      options,
      own,
      mustAnswer: false,
      reply: { id: replyId, conversationId, forgettableQuestionId: keepUnanswered ? null : message.id, resumed: null },
    });
    news.tell();
    return { message: asked, reply, running, settled: this.whenSettled(viewer, running, requestId) };
  }

  /** Goes on for as long as the service itself answers the tools. Resolves when the reply ends, or waits for the client. */
  private async whenSettled(viewer: Viewer, running: RunningReply, requestId?: string): Promise<FinishedReply> {
    const finished = await running.finished;
    const { messageId } = running;
    if (finished.next !== 'service' || messageId === null) return finished;
    const next = await this.goOnAlone(viewer, messageId, requestId);
    if ('failure' in next) return { ...finished, failure: next.failure, next: null };
    return this.whenSettled(viewer, next.running, requestId);
  }

  /** Tries for a while: the database or the log may be away. What cannot go on ends. */
  private async goOnAlone(
    viewer: Viewer,
    messageId: string,
    requestId?: string,
  ): Promise<{ readonly running: RunningReply } | { readonly failure: Failure }> {
    const { runner, timers, waiting, log } = this.needs;
    const until = timers.now() + GO_ON_MS;
    for (;;) {
      try {
        runner.assertOpen();
        return { running: await this.goOn(viewer, messageId, [], requestId) };
      } catch (error) {
        if (error instanceof Unavailable && !runner.isDraining && timers.now() < until) {
          await timers.sleep(GO_ON_AGAIN_MS);
          continue;
        }
        const failure = failureOf(
          error instanceof QuotaExceeded
            ? 'QUOTA_EXCEEDED'
            : error instanceof DomainError
              ? 'INTERRUPTED'
              : 'INTERNAL_SERVER_ERROR',
        );
        if (!(error instanceof DomainError)) log.error({ err: error, reply: messageId }, 'a reply could not go on');
        await waiting
          .end(messageId, () => failure)
          .catch((cause: unknown) => {
            log.warn({ err: cause, reply: messageId }, 'a reply that cannot go on was not ended; the sweep ends it');
          });
        return { failure };
      }
    }
  }

  /** @throws as {@link submitToolResults} */
  private async goOn(
    viewer: Viewer,
    messageId: string,
    results: readonly SubmittedResult[],
    requestId?: string,
  ): Promise<RunningReply> {
    const { conversations, database, messages, rounds, runner, ownTools } = this.needs;
    const { conversationId, replyToId, generation } = await messages.get(viewer, messageId);
    if (replyToId === null) throw new Conflict(NOT_WAITING);
    const [question, conversation, own] = await Promise.all([
      messages.get(viewer, replyToId),
      conversations.get(viewer, conversationId),
      ownTools(viewer, { conversationId, messageId }),
    ]);
    const order = this.order(viewer, { model: generation?.requestedModel }, conversation);
    const job = await database.transaction(async (sql): Promise<ReplyJob> => {
      const answered = await rounds.answer(sql, messageId, results);
      const { reply, options, transcript, mustAnswer } = answered;
      const remarks = await messages.remarksBefore(sql, question.id, MAX_REMARKS);
      const extras = { following: messagesOf(transcript), tools: toolsFor(order, options, own) };
      const asking = { text: promptTextOf(question.content), images: options.images };
      const prompt = this.prompt(asking, remarks, order, extras);
      const asked = { order, kind: 'REPLY', messageId, isMessage: false, requestId } as const;
      const reservation = await this.reserve(sql, viewer, prompt, asked);
      const resumed = await rounds.resume(sql, answered);
      const forgettableQuestionId = reply.keepUnanswered ? null : question.id;
      return {
        order,
        prompt,
        reservation,
        requestId,
        options,
        own,
        mustAnswer,
        reply: { id: messageId, conversationId, forgettableQuestionId, resumed },
      };
    });
    return runner.start(job);
  }

  private async store(viewer: Viewer, message: NewMessage, addition: Addition): Promise<MessageRow> {
    const { database, messages, usage } = this.needs;
    const news = messages.act();
    const add = async (sql: Sql) => {
      const row = await messages.add(
        sql,
        news,
        { ...message, userId: viewer.userId },
        addition,
        usage.chargeOf(viewer),
      );
      if (row === null) throw await usage.refusal(sql, viewer);
      return row;
    };
    const keyed = keyedAct();
    const row =
      keyed === undefined
        ? await add(database)
        : await database.transaction(async (sql) => {
            const stored = await add(sql);
            await keyed.remember(sql, { message: stored, reply: null } satisfies AskedBefore);
            return stored;
          });
    news.tell();
    return row;
  }

  /** @throws Invalid or QuotaExceeded for the model; Unavailable where no model is configured */
  private order(viewer: Viewer, choice: ModelChoice, conversation: ModelSettings): ModelOrder {
    const { instructions, temperature, maxTokens, model } = conversation;
    const order = this.needs.models.order(viewer.plan, choice, { instructions, temperature, maxTokens, model });
    if (order.line[0].language.status === 'missing') {
      throw new Unavailable('No language model is configured; the operator must set OPENAI_API_KEY');
    }
    return order;
  }

  /** @throws Invalid for tools or images where the model takes none, and for images that cannot be shown */
  private async answerOptions(
    viewer: Viewer,
    order: ModelOrder,
    request: AskedFor,
    asBefore: boolean,
  ): Promise<AnswerOptions | null> {
    const { images, tools, responseFormat } = request;
    if (asBefore && images == null && tools == null && responseFormat == null) return null;
    const [{ name, takesImages, takesTools }] = order.line;
    const refuse = (field: string) =>
      new Invalid([{ field: `input.${field}`, message: `must be empty for the model ${name}` }]);
    if (tools != null && tools.length > 0 && !takesTools) throw refuse('tools');
    if (images != null && images.length > 0 && !takesImages) throw refuse('images');
    return optionsOf(request, await this.needs.images.find(viewer, images ?? []));
  }

  /** For the first of the models; those with less room leave out more of the history. */
  private prompt(
    question: { readonly text: string; readonly images: readonly ImageReference[] },
    newestFirst: readonly Remark[],
    { line, instructions }: ModelOrder,
    extras: PromptExtras,
  ): Prompt {
    const { contextTokens, maxReplyTokens, takesImages } = line[0];
    const { counter, images } = this.needs;
    const [ofQuestion, ...others] = fittingImages([
      question.images,
      ...newestFirst.map((remark) => remark.images ?? []),
    ]).map((fitting) =>
      takesImages && fitting.length > 0 ? { images: fitting.map((image) => images.shown(image)) } : {},
    );
    const asked = { content: question.text, ...ofQuestion };
    const before = newestFirst.map((remark, index) => ({ ...toModelMessage(remark), ...others[index] }));
    return withExtras(extras, counter, (taken) => {
      const maxTokens = contextTokens - maxReplyTokens - taken;
      return buildPrompt(asked, before, maxTokens, counter, systemMessage(instructions));
    });
  }

  /**
   * Reserves at least the prompt, as the provider may count it, and one token of answer; at most the prompt and an answer of
   * full length, which the provider counts itself. Where several models may answer, for the one that may need most.
   */
  private reserve(
    sql: Sql,
    viewer: Viewer,
    prompt: Prompt,
    {
      order,
      kind,
      messageId,
      isMessage = true,
      requestId,
    }: Pick<AskOptions, 'kind' | 'order' | 'requestId'> & {
      readonly messageId: string | null;
      /** False for a further round of a reply. */
      readonly isMessage?: boolean;
    },
  ) {
    const needed = order.line.map((model) => {
      const promptCost = model.rates.promptCost(prompt.tokens);
      return { min: promptCost + 1, max: promptCost + longestAnswer(model, order) };
    });
    return this.needs.usage.reserve(sql, viewer, {
      kind,
      tokens: { min: Math.max(...needed.map(({ min }) => min)), max: Math.max(...needed.map(({ max }) => max)) },
      promptTokens: prompt.tokens,
      model: order.line[0].name,
      isMessage,
      messageId,
      requestId,
      leaseSeconds: LEASE_SECONDS,
    });
  }

  /** What the reply says itself; its row would tell that a forgotten reply was deleted. */
  private readStored(
    running: RunningReply,
    messageId: string,
    signal: AbortSignal,
  ): AsyncIterable<SequencedReplyEvent> {
    const here = running.events.follow(0, signal);
    return inTurn(watched(here, { each: assertOpenAccount }), () =>
      here.isWhole ? undefined : this.#read(messageId, here.seen, signal),
    );
  }

  #read(messageId: string, after: number, signal: AbortSignal) {
    const { replies, events, timers, runner } = this.needs;
    return readReply(messageId, after, signal, { replies, events, timers, running: runner });
  }
}

/** The database sets the times of a message. */
function isStored(message: NewMessage | MessageRow): message is MessageRow {
  return 'createdAt' in message;
}

/** What the model is told of, as far as it is not known of a fallback that takes no tools. */
function toolsFor({ line: [{ takesTools }] }: ModelOrder, { tools }: AnswerOptions, own: OwnTools | null) {
  return takesTools ? [...tools, ...(own?.tools ?? [])] : [];
}

function toModelMessage({ messageType, content }: Remark): ModelMessage {
  return { role: messageType === 'ai' ? 'assistant' : 'user', content: promptTextOf(content) };
}

function questionOf(content: MessageContent): string {
  const text = promptTextOf(content);
  if (text.trim() === '') {
    throw new Invalid([{ field: 'input.content.text', message: 'is required to ask the model' }]);
  }
  return text;
}

function assertAnswered({ failure }: FinishedReply): void {
  if (failure === null || failure.code === 'STOPPED') return;
  // It will not come by itself, as after what else ends a reply: a client that tries again would ask anew.
  if (failure.code === 'DELETED') throw new NotFound('Message');
  throw replyError(failure);
}
