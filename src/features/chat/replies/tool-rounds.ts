import { Conflict, Invalid, NotFound, type Fault } from '../../../kernel/errors.js';
import type { Sql } from '../../../ports/database.js';
import type { EventLog } from '../../../ports/event-log.js';
import { textOf } from '../messages/message.js';
import { extended, roundsOf, type ToolCall, type Transcript } from '../messages/reply-transcript.js';
import type { RepliesRepository } from './replies.repository.js';
import { replyStream, transcriptOf, type StoredReply } from './reply.js';
import type { ResumedReply } from './running-reply.js';
import { NO_OPTIONS, openCalls, resultOf, type AnswerOptions, type SubmittedResult } from './tools.js';

export const NOT_WAITING = 'The reply does not wait for tool results';

interface ToolRoundsNeeds {
  readonly replies: Pick<RepliesRepository, 'findForUpdate' | 'findOptions' | 'resume' | 'storeOptions'>;
  readonly events: Pick<EventLog, 'takeOver'>;
  /** Maximum rounds of a reply: in the last one, the model may call no more tools. */
  readonly maxRounds: number;
}

/** A waiting reply whose tools are answered: nobody else can answer them, or end it, until the transaction ends. */
export interface AnsweredReply {
  readonly reply: StoredReply;
  readonly options: AnswerOptions;
  /** With the results. */
  readonly transcript: Transcript;
  readonly mustAnswer: boolean;
}

/** The rounds in which a model calls tools, and goes on with their results. */
export class ToolRounds {
  constructor(private readonly needs: ToolRoundsNeeds) {}

  /** Remembers what the question asks for, for the rounds after this one, and for when it is asked again. */
  async remember(sql: Sql, questionId: string, options: AnswerOptions): Promise<void> {
    const { images, tools, responseFormat } = options;
    if (images.length === 0 && tools.length === 0 && responseFormat === null) return;
    await this.needs.replies.storeOptions(sql, questionId, options);
  }

  async optionsOf(sql: Sql, questionId: string): Promise<AnswerOptions> {
    return { ...NO_OPTIONS, ...(await this.needs.replies.findOptions(sql, questionId)) };
  }

  /**
   * Locks a waiting reply, and answers its calls.
   * @throws NotFound; Conflict when it does not wait; Invalid for results that are not those that it waits for
   */
  async answer(sql: Sql, id: string, results: readonly SubmittedResult[]): Promise<AnsweredReply> {
    const reply = await this.needs.replies.findForUpdate(sql, id);
    if (reply === null) throw new NotFound('Message');
    const isWaiting = reply.status === 'STREAMING' && reply.waitsUntil !== null && reply.replyToId !== null;
    if (!isWaiting) throw new Conflict(NOT_WAITING);
    const before = transcriptOf(reply, textOf(reply) ?? '');
    const faults = faultsIn(results, openCalls(before));
    if (faults.length > 0) throw new Invalid(faults);
    const transcript = extended(
      before,
      results.map(({ callId, ...result }) => resultOf(callId, result)),
    );
    return {
      reply,
      options: await this.optionsOf(sql, reply.replyToId),
      transcript,
      mustAnswer: roundsOf(transcript).length >= this.needs.maxRounds,
    };
  }

  /**
   * Stores the results, and shuts the writer of the round before out of the event log.
   * @throws Unavailable while the log is away
   */
  async resume(sql: Sql, { reply, transcript }: AnsweredReply): Promise<ResumedReply> {
    const { replies, events } = this.needs;
    const { writer, entries } = await events.takeOver(replyStream(reply.id));
    await replies.resume(sql, reply.id, transcript);
    return {
      transcript,
      tokens: reply.tokens ?? 0,
      generation: reply.generation,
      writer,
      logged: entries.at(-1)?.sequence ?? 0,
    };
  }
}

function faultsIn(results: readonly SubmittedResult[], open: readonly ToolCall[]): readonly Fault[] {
  const answered = results.map(({ callId }) => callId);
  const faults = results.flatMap(({ callId }, index): Fault[] => {
    const field = `results.${index}.callId`;
    if (!open.some(({ id }) => id === callId)) return [{ field, message: 'is no call that waits for a result' }];
    return answered.indexOf(callId) === index ? [] : [{ field, message: 'is answered twice' }];
  });
  const missing = open.filter(({ id }) => !answered.includes(id)).map(({ id }) => id);
  return missing.length === 0
    ? faults
    : [...faults, { field: 'results', message: `must answer each call that waits: ${missing.join(', ')}` }];
}
