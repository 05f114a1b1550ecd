import { versionOf } from '../../../kernel/version.js';
import type { Sql } from '../../../ports/database.js';
import type { ModelSettings } from '../models/model.js';

export interface ConversationRow extends ModelSettings {
  readonly id: string;
  readonly userId: string;
  readonly title: string | null;
  readonly status: string | null;
  readonly isPinned: boolean;
  readonly isArchived: boolean;
  readonly label: string | null;
  /** Messages on the current branch. */
  readonly messageCount: number;
  /** Those of them that the model wrote after the message that was read last. */
  readonly unreadCount: number;
  readonly createdAt: Date;
  readonly updatedAt: Date;
}

export function conversationVersion(conversation: ConversationRow): string {
  const { id, userId, title, status, createdAt, updatedAt } = conversation;
  const { model, instructions, temperature, maxTokens } = conversation;
  const { isPinned, isArchived, label, messageCount, unreadCount } = conversation;
  const settings = [model, instructions, temperature, maxTokens];
  const marks = [isPinned, isArchived, label, messageCount, unreadCount];
  return versionOf(id, userId, title, status, createdAt, updatedAt, ...settings, ...marks);
}

/** An omitted field stays as it is; null clears it. */
export type ConversationChanges = {
  readonly [Name in 'title' | 'status' | 'isPinned' | 'isArchived' | 'label' | keyof ModelSettings]?:
    ConversationRow[Name] | undefined;
};

/** What a new conversation begins with. */
export interface Beginning {
  /** Locks what it comes from, before anything is added: whoever changes another conversation locks that before the counts of a list. */
  lock(sql: Sql): Promise<void>;
  /** Adds to the new conversation. */
  fill(sql: Sql, row: ConversationRow): Promise<void>;
}

/** Which conversations a list has; what is null or absent does not matter. */
export interface ConversationFilter {
  /** Part of the title, in any case. */
  readonly query?: string | null | undefined;
  readonly isPinned?: boolean | null | undefined;
  readonly isArchived?: boolean | null | undefined;
  readonly label?: string | null | undefined;
  /** Whether the model wrote something that was not read. */
  readonly isUnread?: boolean | null | undefined;
}

/** In which order conversations are listed. Rows of equal times are ordered by id. */
export interface ConversationOrder {
  readonly field: 'CREATED_AT' | 'UPDATED_AT';
  readonly direction: 'ASC' | 'DESC';
}

export const NEWEST_FIRST: ConversationOrder = { field: 'CREATED_AT', direction: 'DESC' };

/** Maximum lengths in UTF-16 code units (`String.length`). */
export const MAX_TITLE_LENGTH = 200;
export const MAX_STATUS_LENGTH = 50;
export const MAX_LABEL_LENGTH = 50;
/** Maximum length of a search: a longer one costs a scan, and no real search needs it. */
export const MAX_SEARCH_LENGTH = 100;
/** Maximum conversations that one call may delete. */
export const MAX_DELETIONS = 100;
