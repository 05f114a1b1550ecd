import type { IncomingMessage } from 'node:http';
import { acceptsByName, preferredType } from './headers/accept.js';

/** The media types of answers to queries and mutations; the first is for clients without a preference. */
export const RESULT_TYPES = ['application/json', 'application/graphql-response+json', 'text/event-stream'] as const;

/** A subscription is only streamed. */
const STREAM_TYPES = ['text/event-stream'] as const;

type ResponseType = (typeof RESULT_TYPES)[number];

export interface Negotiated {
  readonly type: ResponseType;
  /**
   * Whether the client named `application/json`: the GraphQL-over-HTTP specification then wants 200 for every well-formed
   * request, errors included. Clients that named nothing get the true status.
   */
  readonly isLegacy: boolean;
}

/** The media type of the answer, as the client prefers it; undefined when it accepts none that there is. */
export function negotiate(request: IncomingMessage, isSubscription: boolean): Negotiated | undefined {
  const type = preferredType(request, isSubscription ? STREAM_TYPES : RESULT_TYPES);
  if (type === undefined) return undefined;
  return { type, isLegacy: type === 'application/json' && acceptsByName(request, type) };
}
