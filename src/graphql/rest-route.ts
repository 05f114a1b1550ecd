import { Extensions } from 'type-graphql';
import type { ErrorCode } from '../kernel/errors.js';

/**
 * REST as metadata beside a resolver. `doors/rest` builds from it the view of the schema that SOFA serves: one root field
 * a route, in the wire's snake_case names.
 */

export type RestMethod = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';

/** JSON Schema (2020-12) keywords. */
export type JsonSchema = Readonly<Record<string, unknown>>;

export interface ParameterOptions {
  /** What the argument gets when the parameter is not sent. Without it, the argument's own default. */
  readonly default?: unknown;
  /** A header that may carry the value as well, and then wins. For query parameters. */
  readonly header?: string;
  /** What the reference adds to the schema of the argument's type, as `{ maximum: 100 }`. It checks nothing. */
  readonly schema?: JsonSchema;
  readonly description?: string;
}

/** Where an argument is read from. `name` is the wire's. */
export type RestSource =
  | ({ readonly in: 'path' | 'query' | 'header' | 'cookie'; readonly name: string } & ParameterOptions)
  /**
   * For an input object: the JSON body is the object, its fields in snake_case. For any other argument: the body has a field
   * of its name in snake_case. `readOnly` names (the wire's) are taken and ignored: clients send whole objects back. Any
   * other unknown name is a fault. `schema` is what the reference adds to the schema of the body, in the wire's names, as
   * `{ if: …, then: … }` for fields that depend on each other; it checks nothing.
   */
  | {
      readonly in: 'body';
      readonly readOnly: readonly string[];
      readonly omit: readonly string[];
      readonly schema: JsonSchema;
    }
  /** For an argument of the type Upload: the body is multipart/form-data, and has this one part. */
  | { readonly in: 'file'; readonly name: string }
  | { readonly in: 'constant'; readonly value: unknown };

export const path = (name: string, options: ParameterOptions = {}): RestSource => ({ in: 'path', name, ...options });
export const query = (name: string, options: ParameterOptions = {}): RestSource => ({ in: 'query', name, ...options });
export const header = (name: string, options: ParameterOptions = {}): RestSource => ({
  in: 'header',
  name,
  ...options,
});
/** `name` is without the prefix that the door gives it: see {@link RestCookie}. */
export const cookie = (name: string, options: ParameterOptions = {}): RestSource => ({
  in: 'cookie',
  name,
  ...options,
});
/** `omit` names fields (camelCase) of the input that this route does not take from the body. */
export const body = (options: Partial<Omit<Extract<RestSource, { in: 'body' }>, 'in'>> = {}): RestSource => ({
  in: 'body',
  readOnly: options.readOnly ?? [],
  omit: options.omit ?? [],
  schema: options.schema ?? {},
});
export const file = (name: string): RestSource => ({ in: 'file', name });
export const constant = (value: unknown): RestSource => ({ in: 'constant', value });

/** REST's `skip` and `limit` of a list, 0 and 100 by default. */
export const paging = {
  first: query('limit', {
    default: 100,
    schema: { minimum: 1, maximum: 100 },
    description: 'How many to answer with at most.',
  }),
  offset: query('skip', {
    default: 0,
    schema: { minimum: 0, maximum: 1_000_000 },
    description: 'How many to leave out at the start of the list.',
  }),
} as const;

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

/** What a route and a stream have in common. */
interface RestOperation {
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
  readonly errors?: readonly RestError[];
  /** The answer where a required field of the body is left out, null or blank. */
  readonly incomplete?: RestIncomplete;
}

export interface RestRoute<Result = never> extends RestOperation {
  /** The data is this field of the result (its GraphQL name), as `message` of a CreateMessageResult. */
  readonly field?: string;
  readonly data?: RestData<Result>;
  /** For a GET that browsers follow. HEAD is no method of it: what looks ahead must not log anyone in. */
  readonly navigation?: RestNavigation<Result>;
}

/**
 * A subscription as a stream over HTTP: server-sent events, each with the event's `sequence` as its id and the event's view
 * as its data.
 */
export interface RestStreamRoute<Event = never> extends RestOperation {
  /** The boolean query parameter that asks for the stream, where another route has the same method and path. */
  readonly when?: string;
  /** GraphQL type of an event -> its name in the stream. */
  readonly events: Readonly<Record<string, string>>;
  /** The stream is plain text unless `Accept` asks for `text/event-stream`: this field of the events of this type. */
  readonly text?: { readonly event: string; readonly field: string };
  /**
   * The event that says that the stream failed, and its error: plain text answers with the error when nothing was sent
   * yet, and breaks the connection off otherwise.
   */
  readonly failure: { readonly event: string; readonly toError: (event: Event) => Error };
}

/** The formats of a {@link RestFileRoute}, asked for with `?format=` or `Accept`, and their media types. */
export const FILE_FORMATS = { json: 'application/json', ndjson: 'application/x-ndjson' } as const;

/**
 * A subscription as a file to save, written as it comes: a list of items, a JSON list or a line each. An event is an item
 * that begins, or some of the rows of the item that began last, which stand in it as its last field.
 */
export interface RestFileRoute extends RestOperation {
  /** Without its ending, which is the format's. */
  readonly filename: string;
  /** The GraphQL type of the events that begin an item, and the field with the item. */
  readonly item: { readonly event: string; readonly field: string };
  readonly rows: { readonly event: string; readonly field: string };
}

export type AnyRestRoute = RestRoute | RestStreamRoute | RestFileRoute;

/** The extension that {@link Rest} leaves on a root field. */
export function Rest(...routes: readonly RestRoute[]): MethodDecorator {
  return Extensions({ rest: routes });
}

/** The extension that {@link RestStream} leaves on a subscription. */
export function RestStream(route: RestStreamRoute): MethodDecorator {
  return Extensions({ restStream: route });
}

/** The extension that {@link RestFile} leaves on a subscription. */
export function RestFile(route: RestFileRoute): MethodDecorator {
  return Extensions({ restFile: route });
}

/**
 * How a field of an object type appears in the view. Without it: same type, name in snake_case, and not at all where it
 * gives another Node, a connection, an interface or a union.
 */
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
