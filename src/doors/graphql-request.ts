import { isUtf8 } from 'node:buffer';
import type { IncomingMessage } from 'node:http';
import type { RequestContext } from '../graphql/context.js';
import type { Prepared } from '../graphql/pipeline.js';
import { Refusal } from '../graphql/refusal.js';
import { BodyTooLarge, readBody } from './body.js';
import type { BodyType } from './headers/content-type.js';
import type { Negotiated } from './media-type.js';
import type { SentDocument } from './persisted-query.js';

/** Maximum bytes of a request body: many times the longest message that a plan allows. */
export const BODY_LIMIT = 1_048_576;

/** The parameters of GraphQL over HTTP, with their types checked. */
export interface GraphQLParameters {
  readonly query: string;
  readonly operationName: string | null;
  readonly variables: Readonly<Record<string, unknown>> | null;
}

/** The parameters as they were sent: the document's text may be left out when its hash is given. */
export interface SentParameters extends Omit<GraphQLParameters, 'query'>, SentDocument {}

/** A request that has been read and may run; passed to Apollo (JSON) or Yoga (streams and uploads). */
export interface GraphQLRequest {
  readonly parameters: GraphQLParameters;
  readonly prepared: Prepared;
  readonly negotiated: Negotiated;
  readonly context: RequestContext;
}

/**
 * @param type what the request's headers say of its body
 * @throws Refusal 415 for another media type, charset or encoding; 400 for a body that is no JSON object or has wrong types
 */
export async function readPost(request: IncomingMessage, type: BodyType, limit: number): Promise<SentParameters> {
  const unsupported = unsupportedReason(type);
  if (unsupported !== undefined) throw new Refusal(unsupported, 'UNSUPPORTED_MEDIA_TYPE', { status: 415 });
  let bytes: Buffer;
  try {
    bytes = await readBody(request, limit);
  } catch (error) {
    throw error instanceof BodyTooLarge ? tooLarge(limit) : error;
  }
  if (bytes.length === 0) throw new Refusal('The body is empty; send {"query": "..."}', 'BAD_REQUEST');
  if (!isUtf8(bytes)) throw new Refusal('The body is not UTF-8', 'BAD_REQUEST');
  return checkParameters(parseJson(bytes.toString('utf8'), 'The body'));
}

function unsupportedReason({ mediaType, isUtf8: isInUtf8, isEncoded }: BodyType): string | undefined {
  if (mediaType !== 'application/json') return 'Send the body as application/json';
  if (!isInUtf8) return 'Send the body in UTF-8';
  return isEncoded ? 'Send the body without a content encoding' : undefined;
}

const tooLarge = (limit: number) =>
  new Refusal(`The body is larger than ${limit} bytes`, 'PAYLOAD_TOO_LARGE', { status: 413 });

/** @throws Refusal 400 */
export function readQueryString(search: string): SentParameters {
  const given: Record<string, unknown> = {};
  for (const [name, value] of new URLSearchParams(search)) {
    if (Object.hasOwn(given, name)) throw new Refusal(`The parameter ${name} was given twice`, 'BAD_REQUEST');
    if (name === 'query' || name === 'operationName') given[name] = value;
    if (name === 'variables' || name === 'extensions') given[name] = parseJson(value, `The parameter ${name}`);
  }
  return checkParameters(given);
}

function parseJson(text: string, what: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new Refusal(`${what} is not valid JSON`, 'BAD_REQUEST');
  }
}

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const NO_BATCHES =
  'Batches are not supported. Send one operation a request, over one connection (in Apollo Client HttpLink in place of BatchHttpLink); or put several fields into one operation; or use the WebSocket, which runs operations side by side';

/**
 * Checks the types of the parameters; unknown ones are ignored, as the specification asks.
 * @throws Refusal 400
 */
export function checkParameters(given: unknown): SentParameters {
  if (Array.isArray(given)) throw new Refusal(NO_BATCHES, 'BAD_REQUEST');
  if (!isObject(given)) throw new Refusal('The body must be a JSON object', 'BAD_REQUEST');
  const { query, operationName = null, variables = null, extensions = null } = given;
  if (query !== undefined && query !== null && typeof query !== 'string') {
    throw new Refusal('The parameter query must be given, as a string', 'BAD_REQUEST');
  }
  if (operationName !== null && typeof operationName !== 'string') {
    throw new Refusal('The parameter operationName must be a string or null', 'BAD_REQUEST');
  }
  if (variables !== null && !isObject(variables)) {
    throw new Refusal('The parameter variables must be an object or null', 'BAD_REQUEST');
  }
  if (extensions !== null && !isObject(extensions)) {
    throw new Refusal('The parameter extensions must be an object or null', 'BAD_REQUEST');
  }
  // Some clients send an empty name when the document has a single operation.
  return {
    query: query ?? undefined,
    operationName: operationName === '' ? null : operationName,
    variables,
    extensions,
  };
}
