/**
 * GraphQL documents that clients sent once in full and then name by their SHA-256 hash (automatic persisted queries). It may
 * forget a document at any time: clients then send it in full again.
 */
export interface PersistedDocuments {
  /** @param hash lower-case hexadecimal. Resolves to null for a hash that is unknown or forgotten; never rejects */
  find(hash: string): Promise<string | null>;
  /** The caller has checked that the hash is the text's. Never rejects. */
  keep(hash: string, text: string): Promise<void>;
}

/** Limits of the documents kept by one store, since anybody may add to it. The least recently used go first. */
export const MAX_PERSISTED_DOCUMENTS = 1_000;
/** Maximum UTF-16 units of a kept document. A longer one is run, but not kept. */
export const MAX_PERSISTED_LENGTH = 20_000;
