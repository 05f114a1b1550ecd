import { GraphQLError, type GraphQLErrorOptions } from 'graphql';

/** `extensions.code` of a request that was refused before it ran; src/kernel has the codes of domain errors. */
export type RefusalCode =
  | 'BAD_REQUEST'
  | 'BAD_USER_INPUT'
  | 'CSRF_REFUSED'
  | 'GRAPHQL_PARSE_FAILED'
  | 'GRAPHQL_VALIDATION_FAILED'
  | 'METHOD_NOT_ALLOWED'
  | 'NOT_ACCEPTABLE'
  | 'OPERATION_RESOLUTION_FAILURE'
  | 'PAYLOAD_TOO_LARGE'
  | 'PERSISTED_QUERY_NOT_FOUND'
  | 'QUERY_TOO_COMPLEX'
  | 'UNAVAILABLE'
  | 'UNSUPPORTED_MEDIA_TYPE';

export interface RefusalOptions {
  /** The location in the document: nodes, or the positions of a syntax error. */
  readonly nodes?: GraphQLErrorOptions['nodes'] | undefined;
  readonly source?: GraphQLErrorOptions['source'] | undefined;
  readonly positions?: GraphQLErrorOptions['positions'] | undefined;
  /** The HTTP status, on doors that have one. 400 by default. */
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** Sent to the client beside the code. */
  readonly details?: Readonly<Record<string, unknown>>;
}

/** A fault of the client, found before any resolver ran. Its message is for the client and is never masked. */
export class Refusal extends GraphQLError {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;

  constructor(message: string, code: RefusalCode, options: RefusalOptions = {}) {
    const { status = 400, headers = {}, details, nodes = null, source = null, positions = null } = options;
    super(message, { nodes, source, positions, extensions: { code, ...details } });
    this.status = status;
    this.headers = headers;
  }
}
