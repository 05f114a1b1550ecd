import type { ErrorCode } from '../kernel/errors.js';
import type { JsonSchema } from './json-schema.js';

/**
 * An error of this route, for the reference, and where its status or message differs from the error map's. It speaks of the
 * error with this code and this message; with `insteadOf`, of the one with that other message, which it replaces.
 */
export interface RestError {
  readonly code: ErrorCode;
  /** The message that goes over the wire. */
  readonly message: string;
  readonly status?: number;
  readonly insteadOf?: string;
  /** What the answer tells beyond the message, made of the error's details. Without it, null. */
  readonly data?: RestData<Readonly<Record<string, unknown>>>;
}

/** An answer that says no more than that something is missing, with null for data, in place of a 422 that names it. */
export interface RestIncomplete {
  readonly status: number;
  readonly message: string;
}

/** The JSON type of a route's `data`, where it is not simply the view of the field's own type. A JSON Schema (2020-12). */
export interface RestData<Result = never> {
  readonly schema: JsonSchema;
  readonly example: unknown;
  readonly from: (result: Result) => unknown;
}

/** `{"detail": …}`, where that is all that a route says. */
export function detail(words: string): RestData<boolean> {
  return {
    schema: {
      type: 'object',
      additionalProperties: false,
      required: ['detail'],
      properties: { detail: { const: words } },
    },
    example: { detail: words },
    from: () => ({ detail: words }),
  };
}

/**
 * A cookie of an answer: for this host alone, out of reach of pages' scripts, and sent along when another site's page leads
 * here. Where the service is reached by https:, its name begins with `__Host-` and it goes over nothing else.
 */
export interface RestCookie<Result = never> {
  /** Letters, digits and underscores. */
  readonly name: string;
  readonly value: (result: Result) => string;
  readonly maxAgeSeconds: number;
}

/** What the answer of a route that browsers are sent to does beside giving data. The route has `data` of its own. */
export interface RestNavigation<Result = never> {
  /** Where the browser goes on, by 302. Null for the usual answer. */
  readonly location: (result: Result) => string | null;
  /** Whether a client whose `Accept` names JSON, and no HTML, gets the usual answer and goes on by itself. */
  readonly jsonStays: boolean;
  readonly cookie?: RestCookie<Result>;
}
