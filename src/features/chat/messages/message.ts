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
  readonly createdAt: Date;
  readonly updatedAt: Date;
}

/** A message to insert. The database sets its timestamps. */
export type NewMessage = Omit<MessageRow, 'createdAt' | 'updatedAt'>;

export interface MessageChanges {
  readonly content?: MessageContent | undefined;
  readonly messageType?: string | undefined;
  readonly extra?: MessageContent | null | undefined;
}

/** Interval at which a streaming reply's text is stored: the stored text trails the stream by at most this. */
export const CHECKPOINT_MS = 500;

export const MAX_MESSAGE_TYPE_LENGTH = 50;
/** Maximum bytes of `content`, and of `extra`, as JSON. */
export const MAX_CONTENT_BYTES = 262_144;

/** `content.text`; null when it is not a string. */
export function textOf(message: { readonly content: MessageContent }): string | null {
  const { text } = message.content;
  return typeof text === 'string' ? text : null;
}
