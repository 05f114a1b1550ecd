import { LRUCache } from 'lru-cache';
import {
  MAX_PERSISTED_DOCUMENTS,
  MAX_PERSISTED_LENGTH,
  type PersistedDocuments,
} from '../../ports/persisted-documents.js';

/** Keeps documents in this process's memory. */
export class MemoryPersistedDocuments implements PersistedDocuments {
  readonly #documents = new LRUCache<string, string>({ max: MAX_PERSISTED_DOCUMENTS });

  find(hash: string): Promise<string | null> {
    return Promise.resolve(this.#documents.get(hash) ?? null);
  }

  keep(hash: string, text: string): Promise<void> {
    if (text.length <= MAX_PERSISTED_LENGTH) this.#documents.set(hash, text);
    return Promise.resolve();
  }
}
