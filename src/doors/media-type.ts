import type { IncomingMessage } from 'node:http';
import { LRUCache } from 'lru-cache';
import { acceptsByName, preferredType } from './headers/accept.js';

/** Media types of answers to queries and mutations; the first is the default for clients without a preference. */
export const RESULT_TYPES = ['application/json', 'application/graphql-response+json', 'text/event-stream'] as const;

/** Subscriptions are answered as event streams only. */
const STREAM_TYPES = ['text/event-stream'] as const;

type ResponseType = (typeof RESULT_TYPES)[number];

export interface Negotiated {
  readonly type: ResponseType;
  /**
   * Whether the client named `application/json`: the GraphQL-over-HTTP specification then requires 200 for every well-formed
   * request, even with errors. Clients that named no media type get the error's status.
   */
  readonly isLegacy: boolean;
}

/** Choices by the header's text: clients send few different ones. Longer ones are not kept. */
const known = new LRUCache<string, { readonly choice: Negotiated | undefined }>({ max: 200 });
const MAX_KNOWN_LENGTH = 200;

/** The media type of the answer that the client prefers; undefined when it accepts none of ours. */
export function negotiate(request: IncomingMessage, isSubscription: boolean): Negotiated | undefined {
  const { accept } = request.headers;
  if (accept !== undefined && accept.length > MAX_KNOWN_LENGTH) return choose(request, isSubscription);
  const key = `${isSubscription} ${accept === undefined ? 'none' : `:${accept}`}`;
  let found = known.get(key);
  if (found === undefined) {
    found = { choice: choose(request, isSubscription) };
    known.set(key, found);
  }
  return found.choice;
}

function choose(request: IncomingMessage, isSubscription: boolean): Negotiated | undefined {
  const type = preferredType(request, isSubscription ? STREAM_TYPES : RESULT_TYPES);
  if (type === undefined) return undefined;
  return { type, isLegacy: type === 'application/json' && acceptsByName(request, type) };
}
