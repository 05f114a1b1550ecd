import { Unavailable } from '../../../kernel/errors.js';
import type { Log } from '../../../kernel/log.js';
import type { Database } from '../../../ports/database.js';
import type { EventLog } from '../../../ports/event-log.js';
import type { NotedAct } from '../feeds/event-feed.js';
import { textOf } from '../messages/message.js';
import type { MessagesService } from '../messages/messages.service.js';
import { eventCount, type Transcript } from '../messages/reply-transcript.js';
import type { Failure, RepliesRepository, WaitingEnd } from './replies.repository.js';
import {
  endingOf,
  failedStatus,
  failureOf,
  finishReasonOf,
  REASONS,
  replyStream,
  transcriptOf,
  type SequencedReplyEvent,
  type StoredReply,
} from './reply.js';
import { openCalls } from './tools.js';

interface WaitingRepliesNeeds {
  readonly database: Pick<Database, 'transaction'>;
  readonly replies: Pick<RepliesRepository, 'findForUpdate' | 'findWaitingEnds' | 'finish'>;
  readonly messages: Pick<MessagesService, 'act' | 'note'>;
  readonly events: EventLog;
  readonly log: Log;
}

interface EndedReply {
  readonly reply: StoredReply;
  readonly transcript: Transcript;
  readonly failure: Failure;
  /** Null where the event log is away: readers find the end in the row. */
  readonly writer: number | null;
  readonly news: NotedAct;
}

/** Ends replies that wait for the results of tools, and so are bound to no instance. */
export class WaitingReplies {
  constructor(private readonly needs: WaitingRepliesNeeds) {}

  /**
   * @param why decides what the reply ends with
   * @returns false when the reply is not waiting
   */
  async end(id: string, why: (reply: StoredReply) => Failure): Promise<boolean> {
    const { database, messages, replies } = this.needs;
    const ended = await database.transaction(async (sql): Promise<EndedReply | null> => {
      const reply = await replies.findForUpdate(sql, id);
      if (reply?.status !== 'STREAMING' || reply.waitsUntil === null) return null;
      const transcript = transcriptOf(reply, textOf(reply) ?? '');
      const failure = why(reply);
      await replies.finish(sql, id, {
        status: failedStatus(transcript),
        transcript,
        tokens: reply.tokens ?? 0,
        failure,
        generation: reply.generation && { ...reply.generation, finishReason: finishReasonOf(failure.code) },
        endsGiven: [eventCount(transcript) + 1],
      });
      const writer = await this.#takeLog(id);
      const news = messages.act();
      await messages.note(news, sql, reply.ownerId, reply.conversationId, ...endingOf(id, null));
      return { reply, transcript, failure, writer, news };
    });
    if (ended !== null) this.#tell(ended);
    return ended !== null;
  }

  /** Ends those that were asked to stop, and those that nobody may answer any more. */
  async sweep(): Promise<void> {
    const { replies, log } = this.needs;
    for (const { id, why } of await replies.findWaitingEnds()) {
      try {
        await this.end(id, (reply) => failureFor(why, reply));
      } catch (error) {
        log.warn({ err: error, reply: id }, 'a reply that waits for its tools was not ended; it is tried again');
      }
    }
  }

  async #takeLog(id: string): Promise<number | null> {
    try {
      return (await this.needs.events.takeOver(replyStream(id))).writer;
    } catch (error) {
      if (error instanceof Unavailable) return null;
      throw error;
    }
  }

  #tell({ reply, transcript, failure, writer, news }: EndedReply): void {
    const { events, log } = this.needs;
    const { id } = reply;
    const stream = replyStream(id);
    const sequence = eventCount(transcript) + 1;
    const end: SequencedReplyEvent = {
      type: 'failed',
      ...failure,
      partial: transcript.text,
      messageId: id,
      sequence,
    };
    if (writer !== null)
      Promise.resolve(events.write(stream, writer, sequence, [end]))
        .catch((error: unknown) => {
          log.warn({ err: error, reply: id }, 'the end of a reply was not logged; readers find it in the row');
        })
        .finally(() => {
          events.release(stream);
        });
    news.tell();
  }
}

function failureFor(why: WaitingEnd, reply: StoredReply): Failure {
  if (why !== 'TOO_LATE') return { code: 'STOPPED', reason: REASONS[why] };
  // Where no call is open, the service itself was to go on, and its instance has died.
  return failureOf(openCalls(reply).length > 0 ? 'TOOLS_UNANSWERED' : 'INTERRUPTED');
}
