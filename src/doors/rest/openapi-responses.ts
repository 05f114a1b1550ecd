import type { ErrorCode } from '../../kernel/errors.js';
import type { RestError } from '../../rest/answers.js';
import type { JsonSchema } from '../../rest/json-schema.js';
import type { AnyRestRoute } from '../../rest/route.js';
import { MASKED_MESSAGE } from '../error-map.js';
import { errorAnswer, VALIDATION_ERROR } from './envelope.js';
import { envelopeOf, type Components } from './openapi-components.js';
import type { RestOperation } from './rest-view.js';

type AnyOperation = RestOperation<AnyRestRoute>;

/** Errors of the credentials, on every operation that requires a user; in the order in which they are checked. */
const CREDENTIAL_ERRORS = [
  ['UNAUTHENTICATED', 'Missing credentials'],
  ['UNAUTHENTICATED', 'Invalid token'],
  ['NOT_FOUND', 'User not found'],
  ['FORBIDDEN', 'Account disabled'],
] as const satisfies readonly (readonly [ErrorCode, string])[];

/** Messages that a request with an `Idempotency-Key` may get, as src/features/operations/idempotency has them. */
const KEY_ERRORS = [
  'This Idempotency-Key was used for another call',
  'The first call with this Idempotency-Key is still under way',
] as const;

const UNREADABLE_ERRORS = [
  [413, 'Payload too large'],
  [415, 'Unsupported media type'],
] as const;
const JSON_ERRORS = [[400, 'Malformed JSON'], ...UNREADABLE_ERRORS] as const;
const MULTIPART_ERRORS = [[400, 'Malformed multipart body'], ...UNREADABLE_ERRORS] as const;

/** The `data` of an error response. */
interface ErrorData {
  readonly schema: JsonSchema;
  readonly example: unknown;
}

/** The messages of a status. A message has data if they differ from the usual data of its status. */
type Messages = ReadonlyMap<string, ErrorData | undefined>;

/** The errors of an operation as clients receive them, by status and then by message. */
function errorsOf(operations: readonly AnyOperation[]): ReadonlyMap<number, Messages> {
  const found = new Map<number, Map<string, ErrorData | undefined>>();
  const add = (status: number, message: string, data?: ErrorData) => {
    const messages = found.get(status) ?? new Map<string, ErrorData | undefined>();
    found.set(status, messages.set(message, data));
  };
  for (const { route, access, plan, isKeyed } of operations) {
    const own: readonly RestError[] = route.errors ?? [];
    const addCode = (code: ErrorCode, message: string) => {
      const { status, message: answered } = errorAnswer({ message, extensions: { code } }, withoutData(own), asItIs);
      add(status, answered, own.find((entry) => entry.code === code && entry.message === answered)?.data);
    };
    if (access !== 'anyone') for (const [code, message] of CREDENTIAL_ERRORS) addCode(code, message);
    if (access === 'admin') addCode('FORBIDDEN', 'Forbidden');
    if (plan.inputs.length > 0 || plan.hasBody || 'rows' in route) addCode('BAD_USER_INPUT', VALIDATION_ERROR);
    // Any request can get this: Node's limit of 16 KB is for the request line and the header fields together.
    add(431, 'Request header fields too large');
    if (plan.hasBody) for (const [status, message] of JSON_ERRORS) add(status, message);
    if (plan.file) for (const [status, message] of MULTIPART_ERRORS) add(status, message);
    for (const { code, message, insteadOf } of own) addCode(code, insteadOf ?? message);
    if (isKeyed) for (const message of KEY_ERRORS) addCode('CONFLICT', message);
    if (route.incomplete !== undefined) add(route.incomplete.status, route.incomplete.message);
  }
  return new Map([...found].sort(([one], [other]) => one - other));
}

function withoutData(errors: readonly RestError[]): readonly RestError[] {
  return errors.map(({ data: _data, ...error }) => error);
}

function asItIs(field: string): string {
  return field;
}

/** The error responses of an operation, and of the stream that it gives too. */
export function errorResponses(
  operations: readonly AnyOperation[],
  components: Components,
): Readonly<Record<string, JsonSchema>> {
  const errors = errorsOf(operations);
  return {
    ...Object.fromEntries(
      [...errors].map(([status, messages]) => [
        String(status),
        SHARED_NAMES[status] !== undefined && isShared(status, messages)
          ? { $ref: `#/components/responses/${SHARED_NAMES[status]}` }
          : errorResponse(status, messages, components),
      ]),
    ),
    ...(!errors.has(503) && { '503': { $ref: '#/components/responses/Unavailable' } }),
    '500': { $ref: '#/components/responses/InternalServerError' },
  };
}

/** Names of responses that many operations share, by status. A response is shared if it has exactly the messages below. */
const SHARED_NAMES: Readonly<Record<number, string>> = {
  401: 'Unauthenticated',
  413: 'PayloadTooLarge',
  415: 'UnsupportedMediaType',
  422: 'ValidationError',
  431: 'HeaderFieldsTooLarge',
};
const SHARED_MESSAGES: Readonly<Record<number, readonly string[]>> = {
  401: ['Missing credentials', 'Invalid token'],
  413: ['Payload too large'],
  415: ['Unsupported media type'],
  422: [VALIDATION_ERROR],
  431: ['Request header fields too large'],
};

function isShared(status: number, messages: Messages): boolean {
  const shared = SHARED_MESSAGES[status] ?? [];
  return messages.size === shared.length && shared.every((message) => messages.has(message));
}

/** The messages are in the examples, and not in the schema: a constant would make a type for each operation and status. */
function errorResponse(status: number, messages: Messages, components: Components): JsonSchema {
  const common = errorData(status);
  const headers = ERROR_HEADERS[status];
  const data = [...messages.values()].map((own) => own ?? common);
  const schemas = [...new Set(data.map(({ schema }) => schema))].map((schema) => errorSchema(schema, components));
  return {
    description: [...messages.keys()].join(', or: '),
    ...(headers && { headers }),
    content: {
      'application/json': {
        schema: components.either(schemas),
        examples: Object.fromEntries(
          [...messages].map(([message, own]) => [
            exampleName(message),
            { value: { code: status, message, data: (own ?? common).example } },
          ]),
        ),
      },
    },
  };
}

function errorSchema(data: JsonSchema, components: Components): JsonSchema {
  return data === NO_DATA
    ? components.reference(envelopeOf(data), 'ErrorResponse')
    : components.envelope(data, 'Error');
}

function plainMessages(messages: readonly string[]): Messages {
  return new Map(messages.map((message) => [message, undefined]));
}

function exampleName(message: string): string {
  return message.replace(/[^A-Za-z0-9]+(\w?)/g, (_gap, letter: string) => letter.toUpperCase());
}

/** The schema of `data` where that is null: an object that may be null, since generators have no type for nothing but null. */
export const NO_DATA: JsonSchema = {
  type: ['object', 'null'],
  additionalProperties: true,
  description: 'Null. Where there is something to say, the operation gives a schema of its own.',
};

const FAULTS: JsonSchema = {
  title: 'ValidationError',
  type: 'object',
  required: ['errors'],
  properties: {
    errors: {
      type: 'array',
      minItems: 1,
      description: 'One entry a fault, all faults at once.',
      items: {
        title: 'Fault',
        type: 'object',
        description: 'What is wrong with one input.',
        required: ['field', 'message'],
        properties: {
          field: { type: 'string', description: 'The dotted path of the offending input, as the client wrote it.' },
          message: { type: 'string', description: 'What is wrong with it, for a person.' },
        },
        additionalProperties: false,
      },
    },
  },
  additionalProperties: false,
};

const UPSTREAM_ERROR: JsonSchema = {
  title: 'UpstreamError',
  type: 'object',
  required: ['source', 'reason'],
  properties: {
    source: { type: 'string', description: 'Who failed: `openai`.' },
    reason: { type: 'string', description: 'What happened, for a person.' },
  },
  additionalProperties: false,
};

function errorData(status: number): ErrorData {
  if (status === 422) return { schema: FAULTS, example: { errors: [{ field: 'email', message: 'is required' }] } };
  if (status === 502) return { schema: UPSTREAM_ERROR, example: { source: 'openai', reason: 'timeout' } };
  return { schema: NO_DATA, example: null };
}

/** The headers of the limit that has the fewest calls left, where there are several. */
export const RATE_LIMIT_HEADERS: JsonSchema = {
  'RateLimit-Limit': {
    description: 'How many calls the limit allows in its time.',
    schema: { type: 'integer', format: 'int32' },
  },
  'RateLimit-Remaining': {
    description: 'How many may still follow at once.',
    schema: { type: 'integer', format: 'int32', minimum: 0 },
  },
  'RateLimit-Reset': {
    description: 'Seconds until one more may follow.',
    schema: { type: 'integer', format: 'int32', minimum: 1 },
  },
};

const ERROR_HEADERS: Readonly<Record<number, JsonSchema>> = {
  401: { 'WWW-Authenticate': { description: 'How to authenticate.', schema: { type: 'string', const: 'Bearer' } } },
  429: {
    'Retry-After': {
      description: 'Seconds until the next try can succeed.',
      schema: { type: 'integer', format: 'int32', minimum: 1 },
    },
    ...RATE_LIMIT_HEADERS,
  },
};

const REQUEST_ID_HEADER: JsonSchema = {
  'X-Request-Id': { description: 'Names the request in the log.', schema: { type: 'string' } },
};

/** The shared responses that {@link errorResponses} refers to. */
export function sharedResponses(components: Components): Readonly<Record<string, JsonSchema>> {
  return {
    ...Object.fromEntries(
      Object.entries(SHARED_NAMES).map(([status, name]) => [
        name,
        errorResponse(Number(status), plainMessages(SHARED_MESSAGES[Number(status)] ?? []), components),
      ]),
    ),
    InternalServerError: {
      ...errorResponse(500, plainMessages([MASKED_MESSAGE]), components),
      headers: REQUEST_ID_HEADER,
    },
    Unavailable: {
      description: 'Something that the request needs is not there at present; a later try may succeed.',
      content: { 'application/json': { schema: errorSchema(NO_DATA, components) } },
    },
  };
}
