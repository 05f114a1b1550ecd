import { createHash } from 'node:crypto';
import type { Pipeline } from '../graphql/pipeline.js';
import { Refusal } from '../graphql/refusal.js';
import type { PersistedDocuments } from '../ports/persisted-documents.js';

/** A GraphQL request's document as it was sent: the text, its hash, or both. */
export interface SentDocument {
  /** Undefined or empty when only the hash was sent. */
  readonly query: string | undefined;
  readonly extensions: Readonly<Record<string, unknown>> | null | undefined;
}

/**
 * The text of a document that may be named by its hash, by the protocol of automatic persisted queries
 * (https://www.apollographql.com/docs/apollo-server/performance/apq): a client sends `extensions.persistedQuery` without `query`; if
 * the hash is unknown it gets `PersistedQueryNotFound`, and sends both.
 */
export class PersistedQueries {
  constructor(
    private readonly documents: PersistedDocuments,
    private readonly pipeline: Pick<Pipeline, 'prepare'>,
  ) {}

  /**
   * @returns the text, at once when nothing has to be looked up
   * @throws Refusal PERSISTED_QUERY_NOT_FOUND for an unknown hash; BAD_REQUEST for a malformed one, and for one that is not the text's
   */
  textOf({ query, extensions }: SentDocument): string | Promise<string> {
    const hash = hashIn(extensions);
    if (hash === undefined) {
      if (query === undefined) throw new Refusal('The parameter query must be given, as a string', 'BAD_REQUEST');
      if (query.trim() === '') throw new Refusal('The parameter query is empty', 'BAD_REQUEST');
      return query;
    }
    if (query === undefined || query === '') return this.#find(hash);
    if (createHash('sha256').update(query).digest('hex') !== hash) {
      throw new Refusal('extensions.persistedQuery.sha256Hash is not the SHA-256 hash of query', 'BAD_REQUEST');
    }
    // What cannot run would only take the place of what can.
    if (this.pipeline.prepare(query).errors.length === 0) void this.documents.keep(hash, query);
    return query;
  }

  async #find(hash: string): Promise<string> {
    const text = await this.documents.find(hash);
    if (text !== null) return text;
    // Clients look for this message or this code; many of them treat other statuses than 200 as failures of the network.
    throw new Refusal('PersistedQueryNotFound', 'PERSISTED_QUERY_NOT_FOUND', {
      status: 200,
      headers: { 'cache-control': 'private, no-cache, must-revalidate' },
    });
  }
}

function hashIn(extensions: SentDocument['extensions']): string | undefined {
  const persisted = extensions?.['persistedQuery'];
  if (persisted === undefined || persisted === null) return undefined;
  const { version, sha256Hash } = (typeof persisted === 'object' ? persisted : {}) as Record<string, unknown>;
  if (version === 1 && typeof sha256Hash === 'string' && /^[0-9a-f]{64}$/i.test(sha256Hash))
    return sha256Hash.toLowerCase();
  throw new Refusal(
    'extensions.persistedQuery must be {"version": 1, "sha256Hash": <64 hexadecimal digits>}',
    'BAD_REQUEST',
  );
}
