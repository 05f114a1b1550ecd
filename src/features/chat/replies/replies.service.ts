import { Invalid, Unavailable } from '../../../kernel/errors.js';
import { newId } from '../../../kernel/ids.js';
import type { Viewer } from '../../../kernel/viewer.js';
import type { Database, Sql } from '../../../ports/database.js';
import type { EventLog } from '../../../ports/event-log.js';
import type { LanguageModel, ModelMessage, TokenCounter } from '../../../ports/language-model.js';
import type { RateLimiter } from '../../../ports/rate-limiter.js';
import type { ConversationsService } from '../conversations/conversations.service.js';
import { textOf, type MessageContent, type MessageRow, type NewMessage } from '../messages/message.js';
import type { MessagesService } from '../messages/messages.service.js';
import type { UsageService } from '../usage/usage.service.js';
import { buildPrompt, type Prompt } from './prompt.js';
import type { RepliesRepository } from './replies.repository.js';
import { LEASE_SECONDS, type ReplyRunner } from './reply-runner.js';
import { readReply } from './reply-reader.js';
import { endsReply, replyContent, replyError, type ReplyEvent, type SequencedReplyEvent } from './reply.js';
import type { FinishedReply, RunningReply } from './running-reply.js';

/** Maximum messages of a conversation that one question reads, however short they are. */
const MAX_REMARKS = 1_000;

/** Maximum milliseconds that `stop` waits for another instance to end its reply. */
const STOP_PATIENCE_MS = 5_000;

export interface Question {
  readonly message: string;
  readonly conversationId?: string | null | undefined;
}

export interface NewMessageRequest {
  readonly conversationId: string;
  readonly content: MessageContent;
  readonly messageType: string;
  readonly extra?: MessageContent | null | undefined;
  readonly invokeLlm: boolean;
  readonly waitForReply: boolean;
}

export interface CreatedMessage {
  readonly message: MessageRow;
  readonly reply: MessageRow | null;
}

export interface ChatAnswer {
  readonly response: string;
  readonly tokens: number;
  readonly messageId: string | null;
}

export interface RepliesServiceNeeds {
  readonly database: Pick<Database, 'transaction'>;
  readonly conversations: Pick<ConversationsService, 'get'>;
  readonly messages: Pick<MessagesService, 'get' | 'insert' | 'publish' | 'remarks'>;
  readonly usage: Pick<UsageService, 'checkRemaining' | 'reserve'>;
  readonly replies: Pick<RepliesRepository, 'find'>;
  readonly runner: Pick<ReplyRunner, 'assertOpen' | 'start' | 'stop'>;
  readonly events: EventLog;
  readonly model: Pick<LanguageModel, 'status'>;
  readonly counter: TokenCounter;
  readonly limits: { readonly chat: RateLimiter; readonly message: RateLimiter };
  readonly contextTokens: number;
  readonly maxReplyTokens: number;
}

/** Asks the model, and reads its replies. */
export class RepliesService {
  constructor(private readonly needs: RepliesServiceNeeds) {}

  /**
   * Adds a message to a conversation. A `user` message with `invokeLlm` also starts the model's reply.
   * @throws in this order: NotFound, RateLimited `Too many messages`, QuotaExceeded
   */
  async createMessage(viewer: Viewer, request: NewMessageRequest): Promise<CreatedMessage> {
    const { conversations, limits } = this.needs;
    const asks = request.invokeLlm && request.messageType === 'user';
    const question = asks ? questionOf(request.content) : null;
    if (question !== null) this.assertModel();
    await conversations.get(viewer, request.conversationId);
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
    };
    if (question === null) return { message: await this.store(viewer, message), reply: null };
    await limits.chat(viewer.userId);
    const asked = await this.askIn(viewer, message, question, 'REPLY');
    if (request.waitForReply) await asked.running.finished;
    return {
      message: asked.message,
      reply: request.waitForReply ? await this.needs.messages.get(viewer, asked.reply.id) : asked.reply,
    };
  }

  /**
   * Asks the model and waits for the whole answer. Without a conversation, only usage is stored, and the model stops
   * when `signal` aborts.
   * @throws in this order: NotFound, QuotaExceeded, RateLimited; then UpstreamFailed
   */
  async chat(viewer: Viewer, question: Question, signal: AbortSignal): Promise<ChatAnswer> {
    const { running, messageId } = await this.ask(viewer, question);
    const stop = () => {
      if (messageId === null) running.stop('STOPPED');
    };
    signal.addEventListener('abort', stop, { once: true });
    if (signal.aborted) stop();
    try {
      const finished = await running.finished;
      assertAnswered(finished);
      return { response: finished.text, tokens: finished.tokens, messageId };
    } finally {
      signal.removeEventListener('abort', stop);
    }
  }

  /** Like {@link chat}, but streams the answer. Without a conversation, the model stops when the consumer does. */
  async chatEvents(
    viewer: Viewer,
    question: Question,
    signal: AbortSignal,
  ): Promise<AsyncIterableIterator<SequencedReplyEvent>> {
    const { running, messageId } = await this.ask(viewer, question);
    if (messageId !== null) return readReply(messageId, 0, signal, this.needs);
    // For a consumer that leaves before its first read: the generator's `finally` does not run then.
    if (signal.aborted) running.stop('STOPPED');
    signal.addEventListener('abort', () => {
      running.stop('STOPPED');
    });
    return this.readUnstored(running, signal);
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
  ): Promise<AsyncIterableIterator<SequencedReplyEvent>> {
    const message = await this.needs.messages.get(viewer, messageId);
    if (message.userId !== null) {
      throw new Invalid([{ field: 'messageId', message: 'is not a reply of the model' }]);
    }
    return readReply(messageId, after, signal, this.needs);
  }

  /** Stops a reply; one that has already ended stays as it is. @returns the ended reply */
  async stop(viewer: Viewer, messageId: string): Promise<MessageRow> {
    const { messages, runner } = this.needs;
    const message = await messages.get(viewer, messageId);
    if (message.status !== 'STREAMING') return message;
    await runner.stop(messageId);
    const patience = AbortSignal.timeout(STOP_PATIENCE_MS);
    for await (const event of readReply(messageId, 0, patience, this.needs)) if (endsReply(event)) break;
    return messages.get(viewer, messageId);
  }

  private async ask(
    viewer: Viewer,
    { message: question, conversationId }: Question,
  ): Promise<{ running: RunningReply; messageId: string | null }> {
    const { conversations, usage, limits } = this.needs;
    this.assertModel();
    if (conversationId != null) await conversations.get(viewer, conversationId);
    await usage.checkRemaining(viewer);
    await limits.chat(viewer.userId);
    if (conversationId == null) return { running: await this.askUnstored(viewer, question), messageId: null };
    const message: NewMessage = {
      id: newId(),
      conversationId,
      userId: viewer.userId,
      content: { text: question },
      messageType: 'user',
      status: 'COMPLETE',
      extra: null,
      replyToId: null,
    };
    const { running, reply } = await this.askIn(viewer, message, question, 'CHAT');
    return { running, messageId: reply.id };
  }

  private async askUnstored(viewer: Viewer, question: string): Promise<RunningReply> {
    const prompt = this.prompt(question, []);
    const reservation = await this.needs.database.transaction((sql) => this.reserve(sql, viewer, 'CHAT', prompt, null));
    return this.needs.runner.start({
      reservation,
      messages: prompt.messages,
      promptTokens: prompt.tokens,
      reply: null,
    });
  }

  /** Reserves usage and stores the question and an empty reply in one transaction, then starts the reply. */
  private async askIn(viewer: Viewer, message: NewMessage, question: string, kind: 'CHAT' | 'REPLY') {
    const { database, messages, runner } = this.needs;
    const { conversationId } = message;
    const remarks = await messages.remarks(conversationId, message.id, MAX_REMARKS);
    const prompt = this.prompt(
      question,
      remarks.map(({ messageType, text }) => ({ role: messageType === 'ai' ? 'assistant' : 'user', content: text })),
    );
    const replyId = newId();
    const emptyReply: NewMessage = {
      ...message,
      id: replyId,
      userId: null,
      content: replyContent(''),
      messageType: 'ai',
      status: 'STREAMING',
      extra: null,
      replyToId: message.id,
    };
    const stored = await database.transaction(async (sql) => {
      const reservation = await this.reserve(sql, viewer, kind, prompt, replyId);
      const [asked, reply] = await messages.insert(sql, [message, emptyReply]);
      return { reservation, asked, reply };
    });
    const { reservation, asked, reply } = stored;
    if (asked === undefined || reply === undefined) throw new Error('an insertion answers each row');
    const running = runner.start({
      reservation,
      messages: prompt.messages,
      promptTokens: prompt.tokens,
      reply: { id: replyId, conversationId },
    });
    await messages.publish(
      conversationId,
      { type: 'created', messageId: message.id },
      { type: 'reply-started', messageId: replyId },
    );
    return { message: asked, reply, running };
  }

  private async store(viewer: Viewer, message: NewMessage): Promise<MessageRow> {
    const { database, messages, usage } = this.needs;
    const row = await database.transaction(async (sql) => {
      await usage.reserve(sql, viewer, {
        kind: 'MESSAGE',
        tokens: { min: 0, max: 0 },
        promptTokens: 0,
        messageId: message.id,
        leaseSeconds: null,
      });
      const [stored] = await messages.insert(sql, [message]);
      return stored;
    });
    if (row === undefined) throw new Error('an insertion answers each row');
    await messages.publish(message.conversationId, { type: 'created', messageId: message.id });
    return row;
  }

  private prompt(question: string, newestFirst: readonly ModelMessage[]): Prompt {
    const { contextTokens, maxReplyTokens, counter } = this.needs;
    return buildPrompt(question, newestFirst, contextTokens - maxReplyTokens, counter);
  }

  /** Reserves at least the prompt and one token of answer, and at most the prompt and an answer of full length. */
  private reserve(sql: Sql, viewer: Viewer, kind: 'CHAT' | 'REPLY', prompt: Prompt, messageId: string | null) {
    return this.needs.usage.reserve(sql, viewer, {
      kind,
      tokens: { min: prompt.tokens + 1, max: prompt.tokens + this.needs.maxReplyTokens },
      promptTokens: prompt.tokens,
      messageId,
      leaseSeconds: LEASE_SECONDS,
    });
  }

  private assertModel(): void {
    this.needs.runner.assertOpen();
    if (this.needs.model.status === 'missing') {
      throw new Unavailable('No language model is configured; the operator must set OPENAI_API_KEY');
    }
  }

  private async *readUnstored(
    running: RunningReply,
    signal: AbortSignal,
  ): AsyncGenerator<SequencedReplyEvent, void, undefined> {
    try {
      for await (const { sequence, event } of await this.needs.events.follow<ReplyEvent>(running.stream, 0, signal)) {
        yield { ...event, sequence };
        if (endsReply(event)) return;
      }
    } finally {
      running.stop('STOPPED');
    }
  }
}

function questionOf(content: MessageContent): string {
  const text = textOf({ content });
  if (text === null || text.trim() === '') {
    throw new Invalid([{ field: 'input.content.text', message: 'is required to ask the model' }]);
  }
  return text;
}

function assertAnswered({ failure }: FinishedReply): void {
  if (failure === null || failure.code === 'STOPPED') return;
  throw replyError(failure);
}
