import { getNullableType, isNonNullType, isObjectType, type GraphQLOutputType } from 'graphql';
import type { TokenAccess } from '../../graphql/token-access.js';
import type { RestNavigation } from '../../rest/answers.js';
import type { JsonSchema } from '../../rest/json-schema.js';
import { FILE_FORMATS, type RestFileRoute, type RestRoute, type RestStreamRoute } from '../../rest/route.js';
import { describedSchema, sofaData } from './openapi-base.js';
import { envelopeOf, pascalCase } from './openapi-components.js';
import { exampleOf } from './openapi-examples.js';
import { inputObjects, type Described } from './openapi-inputs.js';
import { errorResponses, NO_DATA, RATE_LIMIT_HEADERS } from './openapi-responses.js';
import { objectSchema, outputSchema } from './openapi-schemas.js';
import type { RestOperation, RestView } from './rest-view.js';

const COOKIE_HEADER: JsonSchema = {
  'Set-Cookie': {
    description: 'For this host alone; its name begins with `__Host-` where the service is reached by https:.',
    schema: { type: 'string' },
  },
};
/** The name of the security scheme of routes that take a ticket. */
export const TICKET_SECURITY = 'streamTicket';
const ETAG_HEADER: JsonSchema = {
  ETag: {
    description: 'The version of what is answered with, for `If-Match` and `If-None-Match`.',
    schema: { type: 'string' },
  },
};
const LINK_HEADER: JsonSchema = {
  Link: { description: 'The pages `prev` and `next`, where there are any (RFC 8288).', schema: { type: 'string' } },
};
const COUNT_HEADER: JsonSchema = {
  'X-Total-Count': {
    description: 'How many the whole list has. Only with `Prefer: count=exact`.',
    schema: { type: 'integer', format: 'int32', minimum: 0 },
  },
};
const IDEMPOTENCY_KEY: JsonSchema = {
  name: 'Idempotency-Key',
  in: 'header',
  description:
    'Makes it safe to send the request again: within 24 hours, all requests with the same key are one, and are answered alike. A new key for each act, such as a UUID; printable ASCII.',
  schema: { type: 'string', minLength: 1, maxLength: 255 },
};
const REPLAYED_HEADER: JsonSchema = {
  'Idempotency-Replayed': {
    description: 'That the answer is the one of an earlier request with the same `Idempotency-Key`.',
    schema: { type: 'string', const: 'true' },
  },
};
const USER_SECURITY = [{ bearer: [] }, { internalUser: [], internalKey: [] }];

/** What an operation's path gives too, if a client asks for it. */
export interface Beside {
  readonly stream: RestOperation<RestStreamRoute> | undefined;
  readonly file: RestOperation<RestFileRoute> | undefined;
}

/**
 * An operation that answers in the envelope. A stream or a file that it gives too is told of in words and has an operation of
 * its own: clients are generated with one type of answer for each operation.
 */
export function operationObject(view: RestView, of: Described<RestRoute>, { stream, file }: Beside): JsonSchema {
  const { operation, sofa, reference, components } = of;
  const { route } = operation;
  const type = dataType(view, route);
  const data = route.data?.schema ?? outputSchema(sofaData(sofa), type);
  const example = route.data?.example ?? exampleOf(type, reference.examples);
  return {
    ...commonObject(
      of,
      [stream && streamWords(stream.route), file && fileWords(file.route)].filter(Boolean).join('\n\n'),
    ),
    responses: {
      '200': {
        description: 'Success',
        ...answerHeaders(operation, data),
        content: {
          'application/json': {
            schema: components.envelope(data, pascalCase(route.operationId)),
            example: { code: 200, message: 'Success', data: example },
          },
        },
      },
      ...(route.navigation && { '302': navigationResponse(route.navigation, of) }),
      ...errorResponses(
        [operation, stream, file].filter((one) => one !== undefined),
        components,
      ),
    },
  };
}

/** The headers of a success. */
function answerHeaders({ route, plan, isKeyed }: RestOperation, data: JsonSchema): { headers?: JsonSchema } {
  const isList = route.method === 'GET' && data['type'] === 'array';
  const isPaged = plan.inputs.some(({ name }) => name === 'skip');
  const headers = {
    ...(route.navigation?.cookie && COOKIE_HEADER),
    ...(route.version && ETAG_HEADER),
    ...(isKeyed && REPLAYED_HEADER),
    ...(isList && isPaged && LINK_HEADER),
    ...(isList && COUNT_HEADER),
    ...(route.errors?.some(({ code }) => code === 'RATE_LIMITED') && RATE_LIMIT_HEADERS),
  };
  return Object.keys(headers).length > 0 ? { headers } : {};
}

function dataType({ schema }: RestView, route: RestRoute): GraphQLOutputType {
  const root = route.method === 'GET' ? schema.getQueryType() : schema.getMutationType();
  const type = root?.getFields()[route.operationId]?.type;
  if (type === undefined) throw new Error(`The view has no field ${route.operationId}`);
  return type;
}

/** What a route is to a personal access token; nothing for one that is open to anyone, or to any token. */
function tokenWords(token: TokenAccess): string {
  if (token === 'any') return '';
  return token === 'closed'
    ? 'Closed to personal access tokens.'
    : `A personal access token needs the scope \`${token}\`.`;
}

function commonObject(of: Described, more = '', moreParameters: readonly JsonSchema[] = []): JsonSchema {
  const { sofa } = of;
  const { route, access, token } = of.operation;
  const description = [route.description ?? (sofa.summary || sofa.description), more, tokenWords(token)];
  return {
    tags: sofa.tags,
    operationId: route.operationId,
    summary: sofa.description,
    description: description.filter((part) => part !== '').join('\n\n'),
    security:
      access === 'anyone' ? [] : 'ticket' in route ? [...USER_SECURITY, { [TICKET_SECURITY]: [] }] : USER_SECURITY,
    ...inputObjects(of, [...moreParameters, ...(of.operation.isKeyed ? [IDEMPOTENCY_KEY] : [])]),
  };
}

function navigationResponse({ jsonStays, cookie }: RestNavigation, { components }: Described): JsonSchema {
  return {
    description: jsonStays
      ? 'Found: a client whose `Accept` names `application/json` and not `text/html` gets 200 instead.'
      : 'Found',
    headers: {
      Location: { description: 'Where to go on.', schema: { type: 'string', format: 'uri' } },
      ...(cookie && COOKIE_HEADER),
    },
    content: {
      'application/json': {
        schema: components.reference(envelopeOf(NO_DATA), 'RedirectResponse'),
        example: { code: 302, message: 'Found', data: null },
      },
    },
  };
}

/** A stream of server-sent events. */
export function streamObject(view: RestView, of: Described<RestStreamRoute>): JsonSchema {
  const { operation, components } = of;
  return {
    ...commonObject(of, streamDescription(view, operation)),
    responses: {
      '200': {
        description: 'The events, as they come.',
        ...(operation.isKeyed && { headers: REPLAYED_HEADER }),
        content: { 'text/event-stream': { schema: { type: 'string', description: 'Server-sent events.' } } },
      },
      // A stream that begins with its request has an event at least.
      ...(operation.route.method === 'GET' && {
        '204': { description: 'The stream is over: there is nothing more to come.' },
      }),
      ...errorResponses([operation], components),
    },
  };
}

function streamWords({ method, path, beside }: RestStreamRoute): string {
  return `With \`?${beside?.when}=true\` the answer is plain text as it comes, without the envelope, and cut off when it fails; with \`Accept: text/event-stream\` as well, it is the events of \`${method} ${path}\`.`;
}

function fileWords({ method, path }: RestFileRoute): string {
  const formats = Object.keys(FILE_FORMATS).map((format) => `\`?format=${format}\``);
  return `With ${formats.join(' or ')}, or \`Accept: ${FILE_FORMATS.ndjson}\`, the answer is the file of \`${method} ${path}\`.`;
}

/** OpenAPI 3.1 cannot describe the events of a stream, so the description lists them. */
function streamDescription(view: RestView, { route }: RestOperation<RestStreamRoute>): string {
  const events = Object.entries(route.events).map(([typeName, name]) => {
    const type = view.streamSchema?.getType(typeName);
    if (!isObjectType(type)) throw new Error(`${route.operationId} has no event ${typeName}`);
    const fields = Object.values(type.getFields()).map(
      (field) =>
        `    - \`${field.name}\`${isNonNullType(field.type) ? '' : ', or null'}${field.description ? `: ${field.description}` : ''}`,
    );
    return [`- \`${name}\`: ${type.description ?? ''}`, ...fields].join('\n');
  });
  return `Server-sent events. The id of an event is its \`sequence\`, and its data is JSON:\n\n${events.join('\n')}`;
}

/** A file download. */
export function fileObject(view: RestView, of: Described<RestFileRoute>): JsonSchema {
  const { operation, components } = of;
  const item = components.reference(fileItemSchema(view, of), operation.route.item.event);
  const items = { title: `${operation.route.item.event}List`, type: 'array', items: item };
  return {
    ...commonObject(of, 'A file to save, written as it is read; it is cut off when it fails half-way.', [
      {
        name: 'format',
        in: 'query',
        description: 'JSON, or a line of JSON an item, which `Accept: application/x-ndjson` asks for, too.',
        schema: { type: 'string', enum: Object.keys(FILE_FORMATS) },
      },
    ]),
    responses: {
      '200': {
        description: 'The file',
        headers: {
          'Content-Disposition': { description: 'The name of the file.', schema: { type: 'string' } },
        },
        content: {
          [FILE_FORMATS.json]: { schema: components.reference(items, '') },
          [FILE_FORMATS.ndjson]: { schema: { type: 'string', description: 'The same items, a line each.' } },
        },
      },
      ...errorResponses([operation], components),
    },
  };
}

/** The schema of an item, with its rows as a field. */
function fileItemSchema({ streamSchema }: RestView, { operation, schemas }: Described<RestFileRoute>): JsonSchema {
  const { operationId, item, rows } = operation.route;
  const typeOf = ({ event, field }: RestFileRoute['item']): GraphQLOutputType => {
    const type = streamSchema?.getType(event);
    const found = isObjectType(type) ? type.getFields()[field]?.type : undefined;
    if (found === undefined) throw new Error(`${operationId}: ${event} has no field ${field}`);
    return found;
  };
  const schema = objectSchema(schemas, getNullableType(typeOf(item)));
  const rowsBase = describedSchema(schemas[rows.event]?.properties[rows.field] ?? {}).schema;
  return {
    ...schema,
    required: [...(schema['required'] as readonly string[]), rows.field],
    properties: { ...(schema['properties'] as JsonSchema), [rows.field]: outputSchema(rowsBase, typeOf(rows)) },
  };
}
