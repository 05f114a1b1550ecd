import { Unavailable } from '../../../kernel/errors.js';
import { inTurn } from '../../../kernel/pushed.js';
import type { Timers } from '../../../kernel/timers.js';
import type { EventLog, LogEntry } from '../../../ports/event-log.js';
import { textOf } from '../messages/message.js';
import type { RepliesRepository } from './replies.repository.js';
import { endsReply, failureOf, mayDiffer, replyStream, storedEvents, type SequencedReplyEvent } from './reply.js';
import type { ReplyEvents } from './reply-events.js';

/** Between two looks at the row while the event log is away. */
const POLL_MS = 500;
/** Between two looks at the row while it has not caught up with a log that lost the events before. */
const GAP_MS = 100;
/** Silence after which the row is read: the log, or the instance that writes it, may be gone. In milliseconds. */
const SILENCE_MS = 2_000;

export interface ReplyReaderParts {
  readonly replies: Pick<RepliesRepository, 'find' | 'giveEnd'>;
  readonly events: EventLog;
  readonly timers: Timers;
  /** The replies that are running on this instance. */
  readonly running: { find(messageId: string): { readonly events: ReplyEvents } | undefined };
}

/**
 * Streams a reply's events after number `after`, to its end: from the memory of the instance where it runs on this one,
 * otherwise from the event log, and from the stored row what neither has. A lost log delays the reader but loses no text.
 */
export function readReply(
  id: string,
  after: number,
  signal: AbortSignal,
  parts: ReplyReaderParts,
): AsyncIterable<SequencedReplyEvent> {
  const here = parts.running.find(id)?.events.follow(after, signal);
  if (here === undefined) return readAnywhere(id, after, signal, parts);
  return inTurn(here, () => (here.isWhole ? undefined : readAnywhere(id, here.seen, signal, parts)));
}

async function* readAnywhere(
  id: string,
  after: number,
  signal: AbortSignal,
  parts: ReplyReaderParts,
): AsyncGenerator<SequencedReplyEvent, void, undefined> {
  const { replies, timers } = parts;
  let seen = after;
  while (!signal.aborted) {
    for await (const event of parts.running.find(id)?.events.follow(seen, signal) ?? []) {
      seen = event.sequence;
      yield event;
      if (endsReply(event)) return;
    }
    // Before the row is read: what is written between the two is not missed.
    const leaving = new AbortController();
    const logged = await follow(parts, id, seen, AbortSignal.any([signal, leaving.signal]));
    try {
      const reply = await whenAvailable(() => replies.find(id), timers, signal);
      if (reply === undefined) return;
      if (reply === null) {
        yield { type: 'failed', ...failureOf('DELETED'), partial: '', messageId: null, sequence: seen + 1 };
        return;
      }
      const text = textOf(reply) ?? '';
      for (const event of storedEvents(reply, text, seen)) {
        seen = event.sequence;
        // Before the reader can have it and come back with its number.
        if (endsReply(event) && mayDiffer(reply, text) && !reply.endsGiven.includes(seen)) {
          await whenAvailable(() => replies.giveEnd(id, seen), timers, signal);
        }
        yield event;
      }
      if (reply.status !== 'STREAMING') return;
      if (logged === null) {
        await timers.sleep(POLL_MS, signal);
        continue;
      }
      for await (const event of untilSilence(logged, timers, leaving)) {
        if (event.sequence <= seen) continue;
        if (event.sequence > seen + 1) {
          await timers.sleep(GAP_MS, signal);
          break;
        }
        seen = event.sequence;
        yield event;
        if (endsReply(event)) return;
      }
    } finally {
      leaving.abort();
    }
  }
}

/** A reader who is in the middle of a reply waits for the database. @returns undefined when `signal` aborts before */
async function whenAvailable<Result>(
  work: () => Promise<Result>,
  timers: Timers,
  signal: AbortSignal,
): Promise<Result | undefined> {
  while (!signal.aborted) {
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof Unavailable)) throw error;
      await timers.sleep(POLL_MS, signal);
    }
  }
  return undefined;
}

/** @returns null when only the row can tell: the log cannot be reached, or another process has another one */
async function follow(
  { events, running }: ReplyReaderParts,
  id: string,
  after: number,
  signal: AbortSignal,
): Promise<AsyncIterable<LogEntry<SequencedReplyEvent>> | null> {
  if (!events.isShared || running.find(id) !== undefined) return null;
  try {
    return await events.follow<SequencedReplyEvent>(replyStream(id), after, signal);
  } catch (error) {
    if (error instanceof Unavailable) return null;
    throw error;
  }
}

/** The events of the log until it is silent for too long, or lost. */
async function* untilSilence(
  entries: AsyncIterable<LogEntry<SequencedReplyEvent>>,
  timers: Timers,
  leaving: AbortController,
): AsyncGenerator<SequencedReplyEvent, void, undefined> {
  let heardAt = timers.now();
  const look = () => {
    const left = heardAt + SILENCE_MS - timers.now();
    if (left <= 0) leaving.abort();
    else cancel = timers.after(left, look);
  };
  let cancel = timers.after(SILENCE_MS, look);
  try {
    for await (const { event } of entries) {
      heardAt = timers.now();
      yield event;
    }
  } catch (error) {
    if (!(error instanceof Unavailable)) throw error;
  } finally {
    cancel();
  }
}
