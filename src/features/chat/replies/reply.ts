import { QuotaExceeded, Unauthenticated, Unavailable, UpstreamFailed } from '../../../kernel/errors.js';
import type { ConversationEvent } from '../conversations/conversation-event.js';
import { promptTextOf, type MessageContent, type MessageRow } from '../messages/message.js';
import { contentEvents, hasAnswer, type ContentEvent, type Transcript } from '../messages/reply-transcript.js';
import type { FinishReason, Generation } from '../models/generation.js';

/** Maximum characters of a question: about 8,000 tokens of English. */
export const MAX_QUESTION_LENGTH = 32_000;

/** Why the model cannot be asked this; undefined where it can. Completes the sentence "<field> …". */
export function faultOfQuestion(content: MessageContent): string | undefined {
  const question = promptTextOf(content);
  if (question.trim() === '') return 'is required to ask the model';
  if (question.length <= MAX_QUESTION_LENGTH) return undefined;
  return `must be at most ${MAX_QUESTION_LENGTH} characters to ask the model`;
}

/** Lifetime of the lease on a running reply, in seconds: an instance that has not renewed it for so long may be dead. */
export const LEASE_SECONDS = 5;

/** Why a reply ended before it was complete. Clients get it as `ReplyFailed.code`. */
export type ReplyFailure =
  /**
   * The user stopped it: with `stopReply`, by leaving a chat that stores nothing, or by deleting the question. Or the account
   * was closed.
   */
  | 'STOPPED'
  /** The model's provider failed or broke the connection. */
  | 'UPSTREAM_FAILED'
  /** The server shut down or crashed while the model was answering. */
  | 'INTERRUPTED'
  /** The message or its conversation was deleted. */
  | 'DELETED'
  /** The calls of tools that the reply waited for were not answered in time. */
  | 'TOOLS_UNANSWERED'
  /** The day has too few tokens left for the reply to go on after its tools. */
  | 'QUOTA_EXCEEDED'
  /** A bug in the service; the log has the cause. */
  | 'INTERNAL_SERVER_ERROR';

export type ReplyEvent =
  | ContentEvent
  | {
      readonly type: 'completed';
      readonly response: string;
      readonly tokens: number;
      /** The stored reply; null for a chat that stores nothing. */
      readonly messageId: string | null;
      /** Left out by instances of an earlier release. */
      readonly generation?: Generation | null;
    }
  | {
      readonly type: 'failed';
      readonly code: ReplyFailure;
      readonly reason: string;
      /** The text that had arrived before. */
      readonly partial: string;
      readonly messageId: string | null;
      readonly generation?: Generation | null;
    };

export type SequencedReplyEvent = ReplyEvent & { readonly sequence: number };

/** A stored reply, ended or in progress. */
export interface StoredReply extends Omit<MessageRow, 'parentId' | 'sequence'> {
  /** The user of its conversation. */
  readonly ownerId: string;
  readonly deltaEnds: readonly number[];
  /** Numbers under which readers were told the end, where {@link mayDiffer}. */
  readonly endsGiven: readonly number[];
  readonly failureCode: ReplyFailure | null;
  readonly failureReason: string | null;
  /** Tokens that it was charged; while it streams, those of its earlier rounds. */
  readonly tokens: number | null;
  /** False: question and reply are forgotten when there is no answer. */
  readonly keepUnanswered: boolean;
}

/**
 * Key of a reply's stream in the event log.
 * @param id the message's
 */
export function replyStream(id: string): string {
  return `reply:${id}`;
}

export function replyContent(text: string): MessageContent {
  return { text };
}

/** What the end of a reply is for those who follow its conversation. @param forgotten the messages that are gone with it */
export function endingOf(replyId: string, forgotten: readonly string[] | null): readonly ConversationEvent[] {
  return (
    forgotten?.map((messageId) => ({ type: 'deleted', messageId }) as const) ?? [
      { type: 'updated', messageId: replyId },
    ]
  );
}

/** PARTIAL when some of the answer had arrived, which is kept; FAILED when there was none. */
export function failedStatus(transcript: Pick<Transcript, 'text' | 'parts'>): 'PARTIAL' | 'FAILED' {
  return hasAnswer(transcript) ? 'PARTIAL' : 'FAILED';
}

export function endsReply(event: ReplyEvent): event is Exclude<ReplyEvent, ContentEvent> {
  return event.type === 'completed' || event.type === 'failed';
}

/** The greatest number after which a reader may go on. Its successor, an event's number, is still an `Int`. */
export const MAX_AFTER = 2 ** 31 - 2;

/**
 * Rebuilds a reply's stream after number `after` from the stored row: what has come, and the last event if the reply has
 * ended. The last event's number follows on the others', or on `after` for a reader that had seen more than is stored.
 * A reader who has seen the end gets nothing.
 */
export function storedEvents(reply: StoredReply, text: string, after: number): readonly SequencedReplyEvent[] {
  const stored = contentEvents(transcriptOf(reply, text));
  const events = stored
    .map((event, index): SequencedReplyEvent => ({ ...event, sequence: index + 1 }))
    .slice(Math.max(after, 0));
  if (reply.status === 'STREAMING') return events;
  if (after > stored.length && hasSeenEnd(reply, text, after)) return [];
  return [...events, { ...lastEvent(reply, text), sequence: Math.max(stored.length, after) + 1 }];
}

/** What is stored of a reply; the text of an edited one is one delta. */
export function transcriptOf(reply: StoredReply, text: string): Transcript {
  const { deltaEnds, parts } = reply;
  return wasEdited(reply, text) ? { text, deltaEnds: [text.length], parts: null } : { text, deltaEnds, parts };
}

function wasEdited({ deltaEnds }: StoredReply, text: string): boolean {
  return deltaEnds.length === 0 && text !== '';
}

/**
 * Whether readers may have seen events under numbers that the stored row does not have: a crash cut the row, or its text
 * was edited. Then a number beyond the stored events does not tell whether its reader has seen the end.
 */
export function mayDiffer(reply: StoredReply, text: string): boolean {
  const { status, failureCode } = reply;
  if (status === 'STREAMING') return false;
  return wasEdited(reply, text) || (status !== 'COMPLETE' && (failureCode ?? 'INTERRUPTED') === 'INTERRUPTED');
}

/** For a reader that has seen more than is stored. */
function hasSeenEnd(reply: StoredReply, text: string, after: number): boolean {
  return after >= MAX_AFTER || !mayDiffer(reply, text) || reply.endsGiven.includes(after);
}

function lastEvent(reply: StoredReply, text: string): ReplyEvent {
  const { id: messageId, generation } = reply;
  if (reply.status === 'COMPLETE') {
    return { type: 'completed', response: text, tokens: reply.tokens ?? 0, messageId, generation };
  }
  return {
    type: 'failed',
    code: reply.failureCode ?? 'INTERRUPTED',
    reason: reply.failureReason ?? REASONS.INTERRUPTED,
    partial: text,
    messageId,
    generation,
  };
}

/** Why a reply with this failure ended, as its generation tells it. */
export function finishReasonOf(failure: ReplyFailure): FinishReason {
  if (failure === 'STOPPED') return 'STOPPED';
  return failure === 'INTERRUPTED' || failure === 'DELETED' ? 'INTERRUPTED' : 'FAILED';
}

/** Values of `ReplyFailed.reason`; the reason of UPSTREAM_FAILED comes from the model's adapter. */
export const REASONS = {
  STOPPED: 'The reply was stopped',
  INTERRUPTED: 'The server ended before the reply did',
  DELETED: 'The message was deleted',
  QUESTION_DELETED: 'The question was deleted',
  ACCOUNT_CLOSED: 'The account was closed',
  TOO_LONG: 'The model took too long for its answer',
  TOO_LARGE: "The model's answer was too large",
  TOO_MANY_ROUNDS: 'The model called tools too many times',
  TOOLS_UNANSWERED: 'The tool calls were not answered in time',
  QUOTA_EXCEEDED: 'Upgrade required',
  INTERNAL_SERVER_ERROR: 'Internal server error',
} as const;

/** The failure of a code that has only one reason. */
export function failureOf<Code extends Exclude<ReplyFailure, 'UPSTREAM_FAILED'>>(
  code: Code,
): { readonly code: Code; readonly reason: string } {
  return { code, reason: REASONS[code] };
}

/**
 * The owner of a closed account is told that their session has ended, whichever is found first: the closed account by the
 * reply, or the ended session by whoever watches over it.
 * @throws Unauthenticated `Invalid token`
 */
export function assertOpenAccount(event: ReplyEvent): void {
  if (event.type === 'failed' && event.reason === REASONS.ACCOUNT_CLOSED) throw new Unauthenticated('Invalid token');
}

/** The error for a caller who waited for the whole of a reply that failed. */
export function replyError({ code, reason }: { readonly code: string; readonly reason: string }): Error {
  if (code === 'UPSTREAM_FAILED') return new UpstreamFailed(reason);
  if (code === 'QUOTA_EXCEEDED') return new QuotaExceeded(reason);
  if (code === 'INTERNAL_SERVER_ERROR') return new Error('the reply failed; the log has the cause');
  return new Unavailable(reason);
}
