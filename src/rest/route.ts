import { Extensions } from 'type-graphql';
import type { RestData, RestError, RestIncomplete, RestNavigation } from './answers.js';
import type { RestSource } from './sources.js';

/**
 * REST routes are metadata of GraphQL operations. `doors/rest` builds from it the view of the schema that SOFA serves: one root
 * field per route, with names in snake_case.
 */

export type RestMethod = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';

/** Fields of every kind of route. */
interface RestOperation {
  readonly method: RestMethod;
  /** The path below `/api/v1`, such as `/users/{user_id}`. */
  readonly path: string;
  /** Unique; the name of the view's root field and of the function in generated clients. */
  readonly operationId: string;
  readonly summary: string;
  /** By default, the field's description in REST's terms (`doors/rest/openapi-words.ts`). */
  readonly description?: string;
  readonly tag: string;
  /**
   * Maps a GraphQL argument (or a field of one, such as `input.conversationId`) to where it is read from. A dotted entry adds
   * to the object of its parent's entry. Arguments without an entry are not sent.
   */
  readonly arguments?: Readonly<Record<string, RestSource>>;
  readonly errors?: readonly RestError[];
  /** The answer when a required field of the body is missing, null or blank. */
  readonly incomplete?: RestIncomplete;
}

export interface RestRoute<Result = never> extends RestOperation {
  /** The data is this field of the result (by its GraphQL name), such as `message` of a CreateMessageResult. */
  readonly field?: string;
  readonly data?: RestData<Result>;
  /** The version of what is answered with, for `ETag`. A GET answers 304 to a client that has it. */
  readonly version?: (result: Result) => string;
  /** For a list of any length: it is read, and written, page by page. */
  readonly pages?: RestPages;
  /** For a GET that browsers navigate to. It does not answer HEAD, since a link preview must not log anyone in. */
  readonly navigation?: RestNavigation<Result>;
}

/** How a list is read page by page: by arguments that no client sends. */
export interface RestPages {
  readonly size: number;
  /** The argument for the size of a page. */
  readonly first: string;
  /** The argument for the last item of the page before, and the client's name for the field of it that goes there. */
  readonly after: string;
  readonly key: string;
}

/** A subscription as server-sent events, each with the event's `sequence` as its id and the event's view as its data. */
export interface RestStreamRoute<Event = never> extends RestOperation {
  /** Another route that gives the stream too, if a boolean query parameter asks for it. */
  readonly beside?: {
    readonly path: string;
    readonly when: string;
    /** There, plain text unless `Accept` asks for `text/event-stream`: this field of the events of this type. */
    readonly text: { readonly event: string; readonly field: string };
  };
  /** Maps the GraphQL type of an event to its name in the stream. */
  readonly events: Readonly<Record<string, string>>;
  /**
   * The event that reports a failure, and the error in it. Plain text answers with the error if nothing was sent yet; otherwise
   * the connection is cut.
   */
  readonly failure: { readonly event: string; readonly toError: (event: Event) => Error };
  /** A query parameter with a ticket, taken where there is no `Authorization`, and the path parameter that it must be for. */
  readonly ticket?: { readonly parameter: string; readonly of: string };
}

/** The formats of a {@link RestFileRoute}, selected by `?format=` or `Accept`, with their media types. */
export const FILE_FORMATS = { json: 'application/json', ndjson: 'application/x-ndjson' } as const;

/**
 * A subscription as a download, written as events arrive: a JSON list of items, or one item per line. An event either begins an
 * item or adds rows to the current item, which become its last field.
 */
export interface RestFileRoute extends RestOperation {
  /** The path of another route that gives the file too, if a format is asked for. */
  readonly beside?: string;
  /** Without the extension, which depends on the format. */
  readonly filename: string;
  /** The GraphQL type of the events that begin an item, and their field with the item. */
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
