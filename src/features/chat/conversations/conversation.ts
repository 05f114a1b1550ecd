export interface ConversationRow {
  readonly id: string;
  readonly userId: string;
  readonly title: string | null;
  readonly status: string | null;
  readonly createdAt: Date;
  readonly updatedAt: Date;
}

/** A field left out stays as it is; null clears it. */
export interface ConversationChanges {
  readonly title?: string | null | undefined;
  readonly status?: string | null | undefined;
}

/** Characters, as JavaScript counts them. */
export const MAX_TITLE_LENGTH = 200;
export const MAX_STATUS_LENGTH = 50;
/** Longer searches cost a scan for nothing that a person would look for. */
export const MAX_SEARCH_LENGTH = 100;
/** Conversations that one call may delete. */
export const MAX_DELETIONS = 100;
