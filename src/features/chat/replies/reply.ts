import { Unavailable, UpstreamFailed } from '../../../kernel/errors.js';
import type { MessageContent, MessageRow } from '../messages/message.js';

/** Maximum characters of a question: about 8,000 tokens of English. */
export const MAX_QUESTION_LENGTH = 32_000;

/** Why a reply ended before it was complete. Clients get it as `ReplyFailed.code`. */
export type ReplyFailure =
  /** The user stopped it: with `stopReply`, or by leaving a chat that stores nothing. */
  | 'STOPPED'
  /** The model's provider failed or broke the connection. */
  | 'UPSTREAM_FAILED'
  /** The server shut down or crashed while the model was answering. */
  | 'INTERRUPTED'
  /** The message or its conversation was deleted. */
  | 'DELETED'
  /** A bug in the service; the log has the cause. */
  | 'INTERNAL_SERVER_ERROR';

export type ReplyEvent =
  | { readonly type: 'delta'; readonly text: string }
  | {
      readonly type: 'completed';
      readonly response: string;
      readonly tokens: number;
      /** The stored reply; null for a chat that stores nothing. */
      readonly messageId: string | null;
    }
  | {
      readonly type: 'failed';
      readonly code: ReplyFailure;
      readonly reason: string;
      /** The text that had arrived before. */
      readonly partial: string;
      readonly messageId: string | null;
    };

export type SequencedReplyEvent = ReplyEvent & { readonly sequence: number };

/** A stored reply, ended or in progress. */
export interface StoredReply extends MessageRow {
  readonly deltaEnds: readonly number[];
  readonly failureCode: ReplyFailure | null;
  readonly failureReason: string | null;
  readonly tokens: number | null;
}

/**
 * Key of a reply's stream in the event log.
 * @param id the message's, or the usage entry's for a chat that stores nothing
 */
export function replyStream(id: string): string {
  return `reply:${id}`;
}

export function replyContent(text: string): MessageContent {
  return { text };
}

/** PARTIAL when text had arrived, which is kept; FAILED when there was none. */
export function failedStatus(text: string): 'PARTIAL' | 'FAILED' {
  return text === '' ? 'FAILED' : 'PARTIAL';
}

export function endsReply(event: ReplyEvent): boolean {
  return event.type !== 'delta';
}

/**
 * Rebuilds a reply's stream after number `after` from the stored row: the deltas, and the last event if the reply has
 * ended. The last event's number follows the last delta's. It is always sent, even to a reader that had seen more
 * deltas than a crash left stored.
 */
export function storedEvents(reply: StoredReply, text: string, after: number): readonly SequencedReplyEvent[] {
  const ends = reply.deltaEnds.length > 0 || text === '' ? reply.deltaEnds : [text.length];
  const deltas = ends
    .map((end, index): SequencedReplyEvent => {
      const start = index === 0 ? 0 : (ends[index - 1] ?? 0);
      return { type: 'delta', text: text.slice(start, end), sequence: index + 1 };
    })
    .slice(Math.max(after, 0));
  if (reply.status === 'STREAMING') return deltas;
  return [...deltas, { ...lastEvent(reply, text), sequence: Math.max(ends.length, after) + 1 }];
}

function lastEvent(reply: StoredReply, text: string): ReplyEvent {
  const messageId = reply.id;
  if (reply.status === 'COMPLETE') {
    return { type: 'completed', response: text, tokens: reply.tokens ?? 0, messageId };
  }
  return {
    type: 'failed',
    code: reply.failureCode ?? 'INTERRUPTED',
    reason: reply.failureReason ?? REASONS.INTERRUPTED,
    partial: text,
    messageId,
  };
}

/** Values of `ReplyFailed.reason`; the reason of UPSTREAM_FAILED comes from the model's adapter. */
export const REASONS = {
  STOPPED: 'The reply was stopped',
  INTERRUPTED: 'The server ended before the reply did',
  DELETED: 'The message was deleted',
  INTERNAL_SERVER_ERROR: 'Internal server error',
} as const satisfies Partial<Record<ReplyFailure, string>>;

/** The error for a caller who waited for the whole of a reply that failed. */
export function replyError({ code, reason }: { readonly code: string; readonly reason: string }): Error {
  if (code === 'UPSTREAM_FAILED') return new UpstreamFailed(reason);
  if (code === 'INTERNAL_SERVER_ERROR') return new Error('the reply failed; the log has the cause');
  return new Unavailable(reason);
}
