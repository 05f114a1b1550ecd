import { versionOf } from '../../../kernel/version.js';
import type { Generation } from '../models/generation.js';
import type { ReplyPart } from './reply-transcript.js';

export type MessageStatus = 'COMPLETE' | 'STREAMING' | 'PARTIAL' | 'FAILED';

export type MessageContent = Readonly<Record<string, unknown>>;

export interface MessageRow {
  readonly id: string;
  readonly conversationId: string;
  /** The author; null for messages of the model. */
  readonly userId: string | null;
  readonly content: MessageContent;
  readonly messageType: string;
  readonly status: MessageStatus;
  readonly extra: MessageContent | null;
  readonly replyToId: string | null;
  /** The message that this one follows; null for a first one. */
  readonly parentId: string | null;
  /** For a reply of more than text: what it consists of. */
  readonly parts: readonly ReplyPart[] | null;
  /** For a reply that waits for the results of tools: until when. */
  readonly waitsUntil: Date | null;
  /** How many events of its stream are stored, while the reply is streaming; otherwise null. */
  readonly sequence: number | null;
  /** How the model wrote it; null for what it did not write, and for replies from before there were several models. */
  readonly generation: Generation | null;
  readonly createdAt: Date;
  readonly updatedAt: Date;
}

export function messageVersion(message: MessageRow): string {
  const { id, userId, content, messageType, status, extra, replyToId, parentId, generation } = message;
  const { createdAt, updatedAt } = message;
  return versionOf(
    id,
    userId,
    content,
    messageType,
    status,
    extra,
    replyToId,
    parentId,
    generation,
    createdAt,
    updatedAt,
  );
}

/** A conversation with how many messages it has. */
export interface ConversationSummaryRow {
  readonly id: string;
  readonly title: string | null;
  readonly messageCount: number;
}

/** A part of a list of summaries: how many at most (null for all), after the conversation with that id (null for the newest). */
export interface SummaryPart {
  readonly first: number | null;
  readonly after: string | null;
}

/** A message to insert. The database sets its timestamps; its parent is the message that it is added behind. */
export type NewMessage = Omit<MessageRow, 'parentId' | 'parts' | 'waitsUntil' | 'sequence' | 'createdAt' | 'updatedAt'>;

/** A place on a branch: that of a message, or the one before the first, whose id is the conversation's. */
export interface Place {
  readonly id: string;
  /** Greater than that of the place before. */
  readonly position: number;
}

/** Where messages are to be added. */
export interface Addition {
  /** The message to add behind; by default the end of the current branch. */
  readonly behind?: string | undefined;
  /** Or the message that another version is added of, beside it. */
  readonly versionOf?: string | undefined;
  /** The end of the current branch as the client knows it; not looked at where it is left out. */
  readonly expectedLeafId?: string | null | undefined;
}

/** A message of the conversation, with only the fields that a prompt needs. */
export interface Remark {
  readonly id: string;
  readonly messageType: string;
  readonly content: MessageContent;
  /** Null for none. */
  readonly images: readonly ImageReference[] | null;
}

/** An uploaded image that the model is shown with a question. It is stored with the question, without the bytes. */
export interface ImageReference {
  /** The upload. */
  readonly id: string;
  /** As its bytes tell, whatever type the client gave. */
  readonly contentType: string;
  /** In bytes. */
  readonly size: number;
}

/** The messages of one parent, of which one was asked for: at most {@link MAX_SIBLINGS} around it. */
export interface Siblings {
  readonly ids: readonly string[];
  /** The place of the one that was asked for among all, from 0. */
  readonly index: number;
  readonly totalCount: number;
}

export interface MessageChanges {
  readonly content?: MessageContent | undefined;
  readonly messageType?: string | undefined;
  readonly extra?: MessageContent | null | undefined;
}

/** Interval at which a streaming reply's text is stored: the stored text trails the stream by at most this. */
export const CHECKPOINT_MS = 500;

/** Versions of one message that are answered at once. */
export const MAX_SIBLINGS = 20;

/** Up to how many the messages are counted that a search finds. */
export const MAX_FOUND = 10_000;

export const MAX_MESSAGE_TYPE_LENGTH = 50;
/** Maximum bytes of `content`, and of `extra`, as JSON. */
export const MAX_CONTENT_BYTES = 262_144;

/** SQL for {@link MessageRow.sequence} of `m`: the offsets of other messages, which may be long, are not read. */
export const SEQUENCE = `CASE WHEN m.status = 'STREAMING' THEN cardinality(m.delta_ends) + m.other_events END AS sequence`;

/** What the model is given of a message: the text, or the content as JSON when it has none. */
export function promptTextOf(content: MessageContent): string {
  return textOf({ content }) ?? JSON.stringify(content);
}

/** `content.text`; null when it is not a string. */
export function textOf(message: { readonly content: MessageContent }): string | null {
  const { text } = message.content;
  return typeof text === 'string' ? text : null;
}
