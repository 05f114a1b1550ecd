import { Unavailable, UpstreamFailed } from '../../../kernel/errors.js';
import type { MessageContent, MessageRow } from '../messages/message.js';

/** Maximum characters of a question: about 8,000 tokens of English. */
export const MAX_QUESTION_LENGTH = 32_000;

/** Why a reply ended without being complete. Goes to clients as `ReplyFailed.code`. */
export type ReplyFailure =
  /** Someone asked for it: `stopReply`. */
  | 'STOPPED'
  /** The model's provider failed or broke off. */
  | 'UPSTREAM_FAILED'
  /** The server ended while the model was answering. */
  | 'INTERRUPTED'
  /** The message or its conversation was deleted. */
  | 'DELETED'
  /** A fault of ours; the log has it. */
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

/** A stored reply, as far as it has come. */
export interface StoredReply extends MessageRow {
  readonly deltaEnds: readonly number[];
  readonly failureCode: ReplyFailure | null;
  readonly failureReason: string | null;
  readonly tokens: number | null;
}

/** The event log's key of a reply, or of a chat that stores nothing. */
export function replyStream(id: string): string {
  return `reply:${id}`;
}

export function replyContent(text: string): MessageContent {
  return { text };
}

/** PARTIAL keeps what had come; with nothing to keep, the reply FAILED. */
export function failedStatus(text: string): 'PARTIAL' | 'FAILED' {
  return text === '' ? 'FAILED' : 'PARTIAL';
}

export function endsReply(event: ReplyEvent): boolean {
  return event.type !== 'delta';
}

/**
 * A reply's stream after `after`, made again from what is stored: the deltas, and the last event when it has ended. The last
 * event's number follows the last delta's; a reader that has seen more than was stored, before a crash, gets it all the same.
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

/** The error of a caller who waited for all of a reply that failed. */
export function replyError({ code, reason }: { readonly code: string; readonly reason: string }): Error {
  if (code === 'UPSTREAM_FAILED') return new UpstreamFailed(reason);
  if (code === 'INTERNAL_SERVER_ERROR') return new Error('the reply failed; the log has the cause');
  return new Unavailable(reason);
}
