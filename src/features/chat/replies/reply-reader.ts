import { setTimeout as delay } from 'node:timers/promises';
import { Unavailable } from '../../../kernel/errors.js';
import type { EventLog } from '../../../ports/event-log.js';
import { textOf } from '../messages/message.js';
import type { RepliesRepository } from './replies.repository.js';
import { endsReply, REASONS, replyStream, storedEvents, type ReplyEvent, type SequencedReplyEvent } from './reply.js';

/** Polling interval, in milliseconds, for a reply whose instance shares no event log with this one. */
const POLL_MS = 500;
/** Silence in milliseconds after which the row is read, since the instance that wrote the stream may be dead. */
const SILENCE_MS = 5_000;

export interface ReplyReaderParts {
  readonly replies: Pick<RepliesRepository, 'find'>;
  readonly events: EventLog;
}

/**
 * Streams a reply's events after number `after`, to its end: from the event log while it has them, otherwise from the
 * stored row. A lost log, or one without the end, delays the reader but loses no text.
 */
export async function* readReply(
  id: string,
  after: number,
  signal: AbortSignal,
  { replies, events }: ReplyReaderParts,
): AsyncGenerator<SequencedReplyEvent, void, undefined> {
  let seen = after;
  while (!signal.aborted) {
    const reply = await replies.find(id);
    if (reply === null) {
      const { DELETED: reason } = REASONS;
      yield { type: 'failed', code: 'DELETED', reason, partial: '', messageId: null, sequence: seen + 1 };
      return;
    }
    if (reply.status === 'STREAMING' && (await isLogged(events, id))) {
      for await (const event of followLog(events, id, seen, signal)) {
        seen = event.sequence;
        yield event;
        if (endsReply(event)) return;
      }
      continue;
    }
    for (const event of storedEvents(reply, textOf(reply) ?? '', seen)) {
      seen = event.sequence;
      yield event;
    }
    if (reply.status !== 'STREAMING') return;
    await delay(POLL_MS, undefined, { signal }).catch(() => undefined);
  }
}

/** Whether the event log has the reply's stream. An unreachable log counts as one without it. */
async function isLogged(events: EventLog, id: string): Promise<boolean> {
  return events.has(replyStream(id)).catch((error: unknown) => passUnavailable(error, false));
}

function passUnavailable<Value>(error: unknown, instead: Value): Value {
  if (error instanceof Unavailable) return instead;
  throw error;
}

/** Follows the event log until it is silent for too long, is lost, or `signal` aborts. */
async function* followLog(
  events: EventLog,
  id: string,
  after: number,
  signal: AbortSignal,
): AsyncGenerator<SequencedReplyEvent, void, undefined> {
  const silence = new AbortController();
  const timer = setTimeout(() => {
    silence.abort();
  }, SILENCE_MS);
  try {
    const either = AbortSignal.any([signal, silence.signal]);
    for await (const { sequence, event } of await events.follow<ReplyEvent>(replyStream(id), after, either)) {
      timer.refresh();
      yield { ...event, sequence };
    }
  } catch (error) {
    passUnavailable(error, undefined);
    // Pauses before the caller falls back to the stored row: while the log fails, it would otherwise be a busy loop.
    await delay(POLL_MS, undefined, { signal }).catch(() => undefined);
  } finally {
    clearTimeout(timer);
  }
}
