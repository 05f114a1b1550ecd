export interface ConversationRow {
  readonly id: string;
  readonly userId: string;
  readonly title: string | null;
  readonly status: string | null;
  readonly createdAt: Date;
  readonly updatedAt: Date;
}

/** An omitted field stays as it is; null clears it. */
export interface ConversationChanges {
  readonly title?: string | null | undefined;
  readonly status?: string | null | undefined;
}

/** Maximum lengths in UTF-16 code units (`String.length`). */
export const MAX_TITLE_LENGTH = 200;
export const MAX_STATUS_LENGTH = 50;
/** Maximum length of a search: a longer one costs a scan, and no real search needs it. */
export const MAX_SEARCH_LENGTH = 100;
/** Maximum conversations that one call may delete. */
export const MAX_DELETIONS = 100;
