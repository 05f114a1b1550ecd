import { NotFound, Unavailable } from '../../../kernel/errors.js';
import type { Timers } from '../../../kernel/timers.js';
import type { Viewer } from '../../../kernel/viewer.js';
import { keyedAct, type KeyedAct } from '../../../ports/keyed-act.js';
import type { Generation } from '../models/generation.js';
import type { MessageRow } from '../messages/message.js';
import type { MessagesService } from '../messages/messages.service.js';
import type { UsageService } from '../usage/usage.service.js';
import type { RepliesRepository } from './replies.repository.js';
import { assertOpenAccount, endsReply, failureOf, replyError, type SequencedReplyEvent } from './reply.js';
import type { ReplyRunner } from './reply-runner.js';
import type { FinishedReply } from './running-reply.js';

/** Between two looks for the end of what another instance asked. In milliseconds. */
const POLL_MS = 500;

/** What a question with an `Idempotency-Key` stores in the transaction that reserves its usage. */
export type AskedBefore = StoredQuestion | UnstoredQuestion;

interface StoredQuestion {
  readonly message: MessageRow;
  readonly reply: MessageRow | null;
}

/** What is kept with the key of a chat that stores nothing: its end, too. */
interface UnstoredQuestion {
  readonly entryId: string;
  /** As far as it is known when the question is asked. */
  readonly begun: Generation;
  readonly end: FinishedReply | null;
}

interface RepeatedQuestionsNeeds {
  readonly messages: Pick<MessagesService, 'get'>;
  readonly replies: Pick<RepliesRepository, 'find'>;
  readonly usage: Pick<UsageService, 'findSettled'>;
  readonly runner: Pick<ReplyRunner, 'findEntry'>;
  readonly timers: Timers;
  /** Streams a stored reply, from its first event to its end. */
  readonly read: (messageId: string, signal: AbortSignal) => AsyncIterable<SequencedReplyEvent>;
}

interface ReplyEnding {
  readonly type: 'completed' | 'failed';
}

/** A question that came before under the same `Idempotency-Key`: it is not asked again, but answered from the reply that it began. */
export class RepeatedQuestions {
  constructor(private readonly needs: RepeatedQuestionsNeeds) {}

  /** The earlier question; undefined for a call without a key, and for the first with it. */
  find(): { readonly act: KeyedAct; readonly asked: AskedBefore } | undefined {
    const act = keyedAct();
    return act?.remembered === undefined ? undefined : { act, asked: act.remembered as AskedBefore };
  }

  /** @throws NotFound when both were deleted while the reply was waited for */
  async message(viewer: Viewer, asked: AskedBefore, waitForReply: boolean): Promise<StoredQuestion> {
    if (!('message' in asked)) throw new Error('a message is always stored');
    const { message, reply } = asked;
    if (reply === null || !waitForReply) return { message, reply };
    await this.#lastEvent(reply.id, new AbortController().signal);
    return { message, reply: await endedReply(this.needs.messages, viewer, message.id, reply.id) };
  }

  async reply(viewer: Viewer, asked: AskedBefore, waitForReply: boolean): Promise<MessageRow> {
    const { reply } = await this.message(viewer, asked, waitForReply);
    if (reply === null) throw new NotFound('Message');
    return reply;
  }

  async answer(act: KeyedAct, asked: AskedBefore, signal: AbortSignal) {
    if ('entryId' in asked) {
      const { text, tokens, generation, failure } = await this.#end(act, asked, signal);
      if (failure !== null && failure.code !== 'STOPPED') throw replyError(failure);
      return { response: text, tokens, generation, messageId: null };
    }
    if (asked.reply === null) throw new Error('a chat always asks for a reply');
    const { id } = asked.reply;
    const last = await this.#lastEvent(id, signal);
    assertOpenAccount(last);
    const generation = last.generation ?? asked.reply.generation;
    if (generation === null) throw new Error('a reply tells which model wrote it');
    if (last.type === 'completed') return { response: last.response, tokens: last.tokens, generation, messageId: id };
    if (last.code !== 'STOPPED') throw replyError(last);
    const row = await this.needs.replies.find(id);
    return { response: last.partial, tokens: row?.tokens ?? 0, generation, messageId: id };
  }

  events(act: KeyedAct, asked: AskedBefore, signal: AbortSignal): AsyncIterable<SequencedReplyEvent> {
    if ('entryId' in asked) return this.#unstored(act, asked, signal);
    if (asked.reply === null) throw new Error('a chat always asks for a reply');
    return this.#stored(asked.reply.id, signal);
  }

  async *#stored(id: string, signal: AbortSignal): AsyncGenerator<SequencedReplyEvent, void, undefined> {
    for await (const event of this.needs.read(id, signal)) {
      assertOpenAccount(event);
      yield event;
    }
  }

  /** As it is written where that is on this instance, otherwise as a whole. */
  async *#unstored(
    act: KeyedAct,
    asked: UnstoredQuestion,
    signal: AbortSignal,
  ): AsyncGenerator<SequencedReplyEvent, void, undefined> {
    for await (const event of this.needs.runner.findEntry(asked.entryId)?.events.follow(0, signal) ?? []) {
      assertOpenAccount(event);
      yield event;
      if (endsReply(event)) return;
    }
    if (signal.aborted) return;
    const { text, tokens, generation, failure } = await this.#end(act, asked, signal);
    if (text !== '') yield { type: 'delta', text, sequence: 1 };
    const sequence = text === '' ? 1 : 2;
    const end: SequencedReplyEvent =
      failure === null
        ? { type: 'completed', response: text, tokens, generation, messageId: null, sequence }
        : { type: 'failed', ...failure, partial: text, generation, messageId: null, sequence };
    assertOpenAccount(end);
    yield end;
  }

  async #lastEvent(id: string, signal: AbortSignal): Promise<Extract<SequencedReplyEvent, ReplyEnding>> {
    for await (const event of this.needs.read(id, signal)) if (endsReply(event)) return event;
    throw notEnded();
  }

  async #end(act: KeyedAct, { entryId, begun, end }: UnstoredQuestion, signal: AbortSignal): Promise<FinishedReply> {
    if (end !== null) return end;
    const { runner, usage, timers } = this.needs;
    const running = runner.findEntry(entryId);
    if (running !== undefined) return running.finished;
    while (!signal.aborted) {
      // First, since both are stored in one transaction.
      const settled = await usage.findSettled(entryId);
      const kept = (await act.reread()) as UnstoredQuestion | undefined;
      if (kept?.end != null) return kept.end;
      // Its instance has ended before it, and what had come is with nobody.
      if (settled !== null)
        return { text: '', tokens: settled.tokens, generation: begun, failure: failureOf('INTERRUPTED'), next: null };
      await timers.sleep(POLL_MS, signal);
    }
    throw notEnded();
  }
}

/**
 * A reply that was waited for.
 * @returns null when it was deleted meanwhile
 * @throws NotFound when its question was, too, as with their conversation
 */
export async function endedReply(
  messages: Pick<MessagesService, 'get'>,
  viewer: Viewer,
  questionId: string,
  replyId: string,
): Promise<MessageRow | null> {
  try {
    return await messages.get(viewer, replyId);
  } catch (error) {
    if (!(error instanceof NotFound)) throw error;
    await messages.get(viewer, questionId);
    return null;
  }
}

const notEnded = () => new Unavailable('The reply has not ended yet');
