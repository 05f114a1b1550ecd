import { Extensions } from 'type-graphql';
import type { RestData, RestError, RestIncomplete, RestNavigation } from './answers.js';
import type { RestSource } from './sources.js';

/**
 * REST as metadata of GraphQL operations. `doors/rest` builds from it the view of the schema that SOFA serves: one root
 * field a route, in the wire's snake_case names.
 */

export type RestMethod = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';

/** Fields that every kind of route has. */
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
  /** The answer when a required field of the body is left out, null or blank. */
  readonly incomplete?: RestIncomplete;
}

export interface RestRoute<Result = never> extends RestOperation {
  /** The data is this field of the result (its GraphQL name), as `message` of a CreateMessageResult. */
  readonly field?: string;
  readonly data?: RestData<Result>;
  /** For a GET that browsers follow. It has no HEAD, since a link preview must not log anyone in. */
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
 * A subscription as a download, written while it is read: a JSON list of items, or one item a line. An event either begins an
 * item or brings some rows of the current item, which become its last field.
 */
export interface RestFileRoute extends RestOperation {
  /** Without its extension, which is the format's. */
  readonly filename: string;
  /** The GraphQL type of the events that begin an item, and the field with the item. */
  readonly item: { readonly event: string; readonly field: string };
  readonly rows: { readonly event: string; readonly field: string };
}

export type AnyRestRoute = RestRoute | RestStreamRoute | RestFileRoute;

/** Declares the REST routes of a query or mutation. */
export function Rest(...routes: readonly RestRoute[]): MethodDecorator {
  return Extensions({ rest: routes });
}

/** Declares the event stream of a subscription. */
export function RestStream(route: RestStreamRoute): MethodDecorator {
  return Extensions({ restStream: route });
}

/** Declares the download of a subscription. */
export function RestFile(route: RestFileRoute): MethodDecorator {
  return Extensions({ restFile: route });
}
