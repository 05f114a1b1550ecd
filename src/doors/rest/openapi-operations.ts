import { getNullableType, isNonNullType, isObjectType, type GraphQLOutputType } from 'graphql';
import type { RestNavigation } from '../../rest/answers.js';
import type { JsonSchema } from '../../rest/json-schema.js';
import { FILE_FORMATS, type RestFileRoute, type RestRoute, type RestStreamRoute } from '../../rest/route.js';
import { describedSchema, sofaData } from './openapi-base.js';
import { exampleOf } from './openapi-examples.js';
import { inputObjects, type Described } from './openapi-inputs.js';
import { envelopeSchema, errorResponses } from './openapi-responses.js';
import { objectSchema, outputSchema, wireWords } from './openapi-schemas.js';
import type { RestOperation, RestView } from './rest-view.js';

const COOKIE_HEADER: JsonSchema = {
  'Set-Cookie': {
    description: 'For this host alone; its name begins with `__Host-` where the service is reached by https:.',
    schema: { type: 'string' },
  },
};
const USER_SECURITY = [{ bearer: [] }, { internalUser: [], internalKey: [] }];

/** An operation that answers in the envelope; if it has a stream at the same path, the stream is part of it. */
export function operationObject(
  view: RestView,
  of: Described<RestRoute>,
  stream: RestOperation<RestStreamRoute> | undefined,
): JsonSchema {
  const { operation, sofa, reference } = of;
  const { route } = operation;
  const type = dataType(view, route);
  const data = route.data?.schema ?? outputSchema(sofaData(sofa), type);
  const example = route.data?.example ?? exampleOf(type, reference.examples);
  const streamText = stream && streamDescription(view, stream);
  const when = stream?.route.when;
  return {
    ...commonObject(of, when === undefined ? [] : [streamParameter(when)]),
    description: [wireWords(sofa.summary || sofa.description), streamText].filter(Boolean).join('\n\n'),
    responses: {
      '200': {
        description: 'Success',
        ...(route.navigation?.cookie && { headers: COOKIE_HEADER }),
        content: {
          'application/json': {
            schema: envelopeSchema({ const: 200 }, { const: 'Success' }, data),
            example: { code: 200, message: 'Success', data: example },
          },
          ...(stream && streamContent(stream.route)),
        },
      },
      ...(route.navigation && { '302': navigationResponse(route.navigation) }),
      ...errorResponses(stream ? [operation, stream] : [operation]),
    },
  };
}

function dataType({ schema }: RestView, route: RestRoute): GraphQLOutputType {
  const root = route.method === 'GET' ? schema.getQueryType() : schema.getMutationType();
  const type = root?.getFields()[route.operationId]?.type;
  if (type === undefined) throw new Error(`The view has no field ${route.operationId}`);
  return type;
}

function commonObject(of: Described, moreParameters: readonly JsonSchema[] = []): JsonSchema {
  const { route, access } = of.operation;
  return {
    tags: of.sofa.tags,
    operationId: route.operationId,
    summary: of.sofa.description,
    security: access === 'anyone' ? [] : USER_SECURITY,
    ...inputObjects(of, moreParameters),
  };
}

function navigationResponse({ jsonStays, cookie }: RestNavigation): JsonSchema {
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
        schema: envelopeSchema({ const: 302 }, { const: 'Found' }, { type: 'null' }),
        example: { code: 302, message: 'Found', data: null },
      },
    },
  };
}

/** A stream that has its own path. */
export function streamObject(view: RestView, of: Described<RestStreamRoute>): JsonSchema {
  const { operation, sofa } = of;
  return {
    ...commonObject(of),
    description: [wireWords(sofa.summary), streamDescription(view, operation)].filter(Boolean).join('\n\n'),
    responses: {
      '200': { description: 'The events', content: streamContent(operation.route) },
      '204': { description: 'The stream is over: there is nothing more to come.' },
      ...errorResponses([operation]),
    },
  };
}

function streamParameter(when: string): JsonSchema {
  return {
    name: when,
    in: 'query',
    description: 'Streams the answer as it comes.',
    schema: { type: 'boolean', default: false },
  };
}

function streamContent({ text }: RestStreamRoute): Readonly<Record<string, JsonSchema>> {
  return {
    ...(text && { 'text/plain': { schema: { type: 'string', description: 'The text as it comes.' } } }),
    'text/event-stream': { schema: { type: 'string', description: 'Server-sent events.' } },
  };
}

/** OpenAPI 3.1 cannot describe the events of a stream, so the description lists them. */
function streamDescription(view: RestView, { route }: RestOperation<RestStreamRoute>): string {
  const events = Object.entries(route.events).map(([typeName, name]) => {
    const type = view.streamSchema?.getType(typeName);
    const fields = isObjectType(type)
      ? Object.values(type.getFields()).map(
          (field) => `\`${field.name}\`${isNonNullType(field.type) ? '' : ' or null'}`,
        )
      : [];
    return `- \`${name}\`: ${fields.join(', ')}`;
  });
  const plain = route.text && `With \`${route.when}\` the answer is text as it comes, cut off when it fails; with`;
  const opening = `${plain ?? 'Server-sent events.'}${route.text ? ' `Accept: text/event-stream`, server-sent events.' : ''}`;
  return `${opening} The id of an event is its \`sequence\`, and its data is JSON:\n\n${events.join('\n')}`;
}

/** A file download. */
export function fileObject(view: RestView, of: Described<RestFileRoute>): JsonSchema {
  const { operation, sofa } = of;
  return {
    ...commonObject(of, [
      {
        name: 'format',
        in: 'query',
        description: 'JSON, or a line of JSON an item; by default what `Accept` names, and JSON.',
        schema: { type: 'string', enum: Object.keys(FILE_FORMATS) },
      },
    ]),
    description: `${wireWords(sofa.summary || sofa.description)}\n\nA file to save, written as it is read; it is cut off when it fails half-way.`,
    responses: {
      '200': {
        description: 'The file',
        headers: { 'Content-Disposition': { schema: { type: 'string' } } },
        content: {
          [FILE_FORMATS.json]: { schema: { type: 'array', items: fileItemSchema(view, of) } },
          [FILE_FORMATS.ndjson]: { schema: { type: 'string', description: 'The same items, a line each.' } },
        },
      },
      ...errorResponses([operation]),
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
