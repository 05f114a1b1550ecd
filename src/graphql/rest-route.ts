import { Extensions } from 'type-graphql';
import type { ErrorCode } from '../kernel/errors.js';

/**
 * REST as metadata beside a resolver. `doors/rest` builds from it the view of the schema that SOFA serves: one root field
 * a route, in the wire's snake_case names.
 */

export type RestMethod = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';

/** Where an argument is read from. `name` is the wire's. */
export type RestSource =
  | { readonly in: 'path' | 'query' | 'header'; readonly name: string; readonly default?: unknown }
  /**
   * The JSON body is the input object, its fields in snake_case. `readOnly` names are taken and ignored: clients send whole
   * objects back. Any other unknown name is a fault.
   */
  | { readonly in: 'body'; readonly readOnly: readonly string[]; readonly omit: readonly string[] }
  | { readonly in: 'constant'; readonly value: unknown };

export const path = (name: string): RestSource => ({ in: 'path', name });
export const query = (name: string, options: { default?: unknown } = {}): RestSource => ({
  in: 'query',
  name,
  ...options,
});
export const header = (name: string): RestSource => ({ in: 'header', name });
/** `omit` names fields (camelCase) of the input that this route does not take from the body. */
export const body = (options: { readOnly?: readonly string[]; omit?: readonly string[] } = {}): RestSource => ({
  in: 'body',
  readOnly: options.readOnly ?? [],
  omit: options.omit ?? [],
});
export const constant = (value: unknown): RestSource => ({ in: 'constant', value });

/** REST's `skip` and `limit` of a list, 0 and 100 by default. */
export const paging = { first: query('limit', { default: 100 }), offset: query('skip', { default: 0 }) } as const;

/** An error of this route, for the reference, and where its status or message differs from the error map's. */
export interface RestError {
  readonly code: ErrorCode;
  /** The message that goes over the wire. */
  readonly message: string;
  readonly status?: number;
  /** Replaces only an error with this message; without it, the entry replaces every error of its code. */
  readonly insteadOf?: string;
}

/** The JSON type of a route's `data`, where it is not simply the view of the field's own type. A JSON Schema (2020-12). */
export interface RestData<Result = never> {
  readonly schema: Readonly<Record<string, unknown>>;
  readonly example: unknown;
  readonly from: (result: Result) => unknown;
}

export interface RestRoute<Result = never> {
  readonly method: RestMethod;
  /** Below `/api/v1`, as `/users/{user_id}`. */
  readonly path: string;
  /** Unique; names the view's root field and the generated client's function. */
  readonly operationId: string;
  readonly summary: string;
  readonly tag: string;
  /**
   * GraphQL argument (or a dotted field of one, as `input.conversationId`) -> where it is read from. A dotted entry is laid
   * over the object that its parent's entry gives. Arguments that are not named are not sent.
   */
  readonly arguments?: Readonly<Record<string, RestSource>>;
  readonly data?: RestData<Result>;
  readonly errors?: readonly RestError[];
}

/** The extension that {@link Rest} leaves on a root field. */
export function Rest(...routes: readonly RestRoute[]): MethodDecorator {
  return Extensions({ rest: routes });
}

/** How a field of an object type appears in the view. Without it: same type, name in snake_case. */
export interface RestFieldOptions {
  readonly name?: string;
  /**
   * Makes the field a plain value: computed from the parent object without running the field's resolver. `type` is an SDL
   * scalar type, as `ID!` or `String`.
   */
  readonly value?: { readonly type: string; readonly from: (parent: never) => unknown };
}

export function RestField(options: RestFieldOptions): PropertyDecorator & MethodDecorator {
  return Extensions({ restField: options });
}

/** Keeps a field of an object type out of the view. */
export function RestHidden(): PropertyDecorator & MethodDecorator {
  return Extensions({ restField: 'hidden' });
}
