import type { ErrorCode } from '../kernel/errors.js';
import type { JsonSchema } from './json-schema.js';

/**
 * An error of a route: for the reference, and to give it another status or message than the error map does. It applies to the
 * error with this code and this message; with `insteadOf`, to the error with that message, which `message` replaces.
 */
export interface RestError {
  readonly code: ErrorCode;
  /** The message that goes over the wire. */
  readonly message: string;
  readonly status?: number;
  readonly insteadOf?: string;
  /** The answer's `data`, made of the error's details. Null without it. */
  readonly data?: RestData<Readonly<Record<string, unknown>>>;
}

/** The answer to an incomplete body, with null for data, instead of a 422 that names the missing fields. */
export interface RestIncomplete {
  readonly status: number;
  readonly message: string;
}

/** The JSON type of a route's `data`, where it is not the view of the field's own type. */
export interface RestData<Result = never> {
  readonly schema: JsonSchema;
  readonly example: unknown;
  readonly from: (result: Result) => unknown;
}

/** The data of a route that answers `{"detail": …}` and nothing else. */
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
 * A cookie that an answer sets: for this host only, `HttpOnly`, and `SameSite=Lax`. Where the service is reached by https:, its
 * name begins with `__Host-` and it is `Secure`.
 */
export interface RestCookie<Result = never> {
  /** Letters, digits and underscores. */
  readonly name: string;
  readonly value: (result: Result) => string;
  readonly maxAgeSeconds: number;
}

/** Redirect and cookie of a route that browsers navigate to. The route has `data` of its own. */
export interface RestNavigation<Result = never> {
  /** The target of a 302 redirect. Null for the usual answer. */
  readonly location: (result: Result) => string | null;
  /** Whether a client whose `Accept` names JSON, and no HTML, gets the usual answer instead of the redirect. */
  readonly jsonStays: boolean;
  readonly cookie?: RestCookie<Result>;
}
