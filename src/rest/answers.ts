import type { ErrorCode } from '../kernel/errors.js';
import type { JsonSchema } from './json-schema.js';

/**
 * An error of a route: for the API reference, and to give it another status or message than the error map's. It applies to the
 * error with this code and message; with `insteadOf`, to the error with that message, which `message` replaces.
 */
export interface RestError {
  readonly code: ErrorCode;
  /** The message that clients receive. */
  readonly message: string;
  readonly status?: number;
  readonly insteadOf?: string;
  /** Makes the answer's `data` from the error's details. Null by default. */
  readonly data?: RestData<Readonly<Record<string, unknown>>>;
}

/** The answer to an incomplete body, with null for data, instead of a 422 that names the missing fields. */
export interface RestIncomplete {
  readonly status: number;
  readonly message: string;
}

/** The JSON type of a route's `data`, if it is not the view of the field's type. */
export interface RestData<Result = never> {
  /** With a `title`, which names it for the reference and for generated clients. */
  readonly schema: JsonSchema;
  readonly example: unknown;
  readonly from: (result: Result) => unknown;
}

const DETAIL: JsonSchema = {
  title: 'Detail',
  type: 'object',
  additionalProperties: false,
  required: ['detail'],
  properties: { detail: { type: 'string', description: 'What was done: the words of the example.' } },
};

/** The data of a route that only answers `{"detail": …}`. */
export function detail(words: string): RestData<boolean> {
  return {
    schema: DETAIL,
    example: { detail: words },
    from: () => ({ detail: words }),
  };
}

/**
 * A cookie of an answer: for this host only, `HttpOnly`, and `SameSite=Lax`. If the service is reached over HTTPS, it is
 * `Secure`, and its name gets the prefix `__Host-`.
 */
export interface RestCookie<Result = never> {
  /** Letters, digits and underscores. */
  readonly name: string;
  readonly value: (result: Result) => string;
  readonly maxAgeSeconds: number;
}

/** Redirect and cookie of a route that browsers navigate to. The route must declare its `data`. */
export interface RestNavigation<Result = never> {
  /** The target of a 302 redirect. Null for the usual answer. */
  readonly location: (result: Result) => string | null;
  /** Whether a client that prefers JSON to HTML gets the usual answer instead of the redirect. */
  readonly jsonStays: boolean;
  readonly cookie?: RestCookie<Result>;
}
