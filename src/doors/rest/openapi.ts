import { getNullableType, isIntrospectionType, isNonNullType, isObjectType, type GraphQLOutputType } from 'graphql';
import { OpenAPI } from 'sofa-api';
import {
  FILE_FORMATS,
  type AnyRestRoute,
  type JsonSchema,
  type RestFileRoute,
  type RestNavigation,
  type RestRoute,
  type RestStreamRoute,
} from '../../graphql/rest-route.js';
import { wireCookieName } from './cookies.js';
import type { WireInput } from './input-plan.js';
import { exampleOf, inputExample } from './openapi-examples.js';
import { envelopeSchema, errorResponses, FAULTS, SHARED_RESPONSES } from './openapi-responses.js';
import { CUSTOM_SCALARS, described, inputSchema, objectSchema, outputSchema, wireWords } from './openapi-schemas.js';
import { REFERENCE, type Reference } from './reference.js';
import type { RestOperation, RestView } from './rest-view.js';
import { BASE_PATH, routeDocument, sofaOf, sofaRoute } from './sofa-operations.js';

/** An OpenAPI 3.1 document: https://spec.openapis.org/oas/v3.1.1.html */
export interface OpenApiDocument {
  readonly openapi: '3.1.0';
  readonly info: JsonSchema;
  readonly servers: readonly JsonSchema[];
  readonly tags: readonly { readonly name: string; readonly description: string }[];
  /** Path -> method in lower case -> operation. */
  readonly paths: Readonly<Record<string, Readonly<Record<string, JsonSchema>>>>;
  readonly components: Readonly<
    Record<'securitySchemes' | 'schemas' | 'responses', Readonly<Record<string, JsonSchema>>>
  >;
}

const SECURITY_SCHEMES: Readonly<Record<string, JsonSchema>> = {
  bearer: { type: 'http', scheme: 'bearer', bearerFormat: 'JWT', description: 'The access token that a login gives.' },
  internalUser: {
    type: 'apiKey',
    in: 'header',
    name: 'X-User-ID',
    description: 'The id of a user, from internal callers in place of a token.',
  },
  internalKey: {
    type: 'apiKey',
    in: 'header',
    name: 'X-Internal-Key',
    description: 'Makes a caller an internal one. Callers from trusted addresses may leave it out.',
  },
};
const COOKIE_HEADER: JsonSchema = {
  'Set-Cookie': {
    description: 'For this host alone; its name begins with `__Host-` where the service is reached by https:.',
    schema: { type: 'string' },
  },
};
const IGNORED: JsonSchema = { description: 'Taken and ignored, for clients that send objects back.' };
const USER_SECURITY = [{ bearer: [] }, { internalUser: [], internalKey: [] }];

/**
 * Describes what goes over the wire: SOFA's document of the view has the operations, their tags and the objects; the
 * envelope, where each input stands, errors, security and what may be null are added from the routes. The same view gives
 * the same document, byte for byte.
 */
export function openApiDocument(view: RestView, version: string, reference: Reference = REFERENCE): OpenApiDocument {
  const base = sofaDocument(view, version, reference);
  const paths: Record<string, Record<string, JsonSchema>> = {};
  const add = ({ path, method }: AnyRestRoute, operation: JsonSchema) => {
    (paths[path] ??= {})[method.toLowerCase()] = operation;
  };
  for (const operation of view.operations) {
    const { route } = operation;
    const stream = view.streams.find(({ route: { path, method } }) => path === route.path && method === route.method);
    const { tags, description } = base.paths[route.path]?.[route.method.toLowerCase()] ?? {};
    add(route, { tags, ...operationObject(view, operation, stream, description, reference) });
  }
  for (const stream of view.streams.filter(({ route }) => route.when === undefined)) {
    add(stream.route, { tags: [stream.route.tag], ...streamObject(view, stream, reference) });
  }
  for (const file of view.files) {
    add(file.route, { tags: [file.route.tag], ...fileObject(view, file, reference) });
  }
  return {
    openapi: '3.1.0',
    info: { ...base.info, license: { name: 'MIT', identifier: 'MIT' } },
    servers: base.servers,
    tags: tagsOf(view, reference),
    paths: sorted(paths),
    components: componentsOf(view, paths),
  };
}

interface SofaDocument {
  readonly info: JsonSchema;
  readonly servers: readonly JsonSchema[];
  readonly paths: Readonly<
    Record<string, Readonly<Record<string, { readonly tags: readonly string[]; readonly description: string }>>>
  >;
}

function sofaDocument(view: RestView, version: string, { title, description }: Reference): SofaDocument {
  const sofa = sofaOf(view);
  const builder = OpenAPI({
    schema: view.schema,
    info: { title, version, description },
    servers: [{ url: BASE_PATH }],
    customScalars: CUSTOM_SCALARS,
  });
  for (const operation of view.operations) {
    builder.addRoute({ ...sofaRoute(operation), ...routeDocument(sofa, operation.route) });
  }
  return builder.get() as unknown as SofaDocument;
}

function operationObject(
  view: RestView,
  operation: RestOperation,
  stream: RestOperation<RestStreamRoute> | undefined,
  description: string | undefined,
  reference: Reference,
): JsonSchema {
  const { route } = operation;
  const type = dataType(view, route);
  const data = route.data?.schema ?? outputSchema(type);
  const example = route.data?.example ?? exampleOf(type, reference.examples);
  const streamText = stream && streamDescription(view, stream);
  return {
    ...commonObject(operation, reference, stream?.route.when),
    description: [description && wireWords(description), streamText].filter(Boolean).join('\n\n'),
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

function streamObject(view: RestView, stream: RestOperation<RestStreamRoute>, reference: Reference): JsonSchema {
  return {
    ...commonObject(stream, reference, undefined),
    description: [stream.description && wireWords(stream.description), streamDescription(view, stream)]
      .filter(Boolean)
      .join('\n\n'),
    responses: {
      '200': { description: 'The events', content: streamContent(stream.route) },
      '204': { description: 'The stream is over: there is nothing more to come.' },
      ...errorResponses([stream]),
    },
  };
}

function fileObject(view: RestView, file: RestOperation<RestFileRoute>, reference: Reference): JsonSchema {
  const { route } = file;
  const common = commonObject(file, reference, undefined);
  const format = {
    name: 'format',
    in: 'query',
    description: 'JSON, or a line of JSON an item; by default what `Accept` names, and JSON.',
    schema: { type: 'string', enum: Object.keys(FILE_FORMATS) },
  };
  return {
    ...common,
    parameters: [...((common['parameters'] as readonly JsonSchema[] | undefined) ?? []), format],
    description: `${wireWords(file.description ?? route.summary)}\n\nA file to save, written as it is read; it is cut off when it fails half-way.`,
    responses: {
      '200': {
        description: 'The file',
        headers: { 'Content-Disposition': { schema: { type: 'string' } } },
        content: {
          [FILE_FORMATS.json]: { schema: { type: 'array', items: fileItemSchema(view, route) } },
          [FILE_FORMATS.ndjson]: { schema: { type: 'string', description: 'The same items, a line each.' } },
        },
      },
      ...errorResponses([file]),
    },
  };
}

/** The item with its rows as a field. */
function fileItemSchema({ streamSchema }: RestView, { operationId, item, rows }: RestFileRoute): JsonSchema {
  const typeOf = ({ event, field }: RestFileRoute['item']): GraphQLOutputType => {
    const type = streamSchema?.getType(event);
    const found = isObjectType(type) ? type.getFields()[field]?.type : undefined;
    if (found === undefined) throw new Error(`${operationId}: ${event} has no field ${field}`);
    return found;
  };
  const schema = objectSchema(getNullableType(typeOf(item)));
  return {
    ...schema,
    required: [...(schema['required'] as readonly string[]), rows.field],
    properties: { ...(schema['properties'] as JsonSchema), [rows.field]: outputSchema(typeOf(rows)) },
  };
}

function commonObject(
  operation: RestOperation<AnyRestRoute>,
  reference: Reference,
  when: string | undefined,
): JsonSchema {
  const { route, access, plan } = operation;
  const parameters = [
    ...plan.inputs.filter(isParameter).flatMap((input) => parameterObjects(input, operation, reference)),
    ...(when === undefined
      ? []
      : [
          {
            name: when,
            in: 'query',
            description: 'Streams the answer as it comes.',
            schema: { type: 'boolean', default: false },
          },
        ]),
  ];
  return {
    operationId: route.operationId,
    summary: route.summary,
    security: access === 'anyone' ? [] : USER_SECURITY,
    ...(parameters.length > 0 && { parameters }),
    ...(plan.hasBody && { requestBody: bodyObject(operation, reference) }),
    ...(plan.file && { requestBody: fileBodyObject(plan.file) }),
  };
}

const isParameter = (input: WireInput) => input.in !== 'body' && input.in !== 'file';

function fileBodyObject({ name, description }: WireInput): JsonSchema {
  return {
    required: true,
    content: {
      'multipart/form-data': {
        schema: {
          type: 'object',
          required: [name],
          properties: { [name]: described({ type: 'string', format: 'binary' }, description) },
          additionalProperties: false,
        },
      },
    },
  };
}

function parameterObjects(
  input: WireInput,
  { route, rules }: RestOperation<AnyRestRoute>,
  { examples }: Reference,
): JsonSchema[] {
  const schema = inputSchema(input, rules);
  const parameter = (name: string, where: string, description: string | undefined): JsonSchema => ({
    name,
    in: where,
    ...(input.required && { required: true }),
    ...(description !== undefined && { description: wireWords(description) }),
    schema,
    ...(input.required && { example: inputExample(input, route.operationId, examples) }),
  });
  const name = input.in === 'cookie' ? wireCookieName(input.name, true) : input.name;
  const own = parameter(name, input.in, input.description);
  return input.header === undefined
    ? [own]
    : [own, parameter(input.header, 'header', `The same as \`${input.name}\`, which it stands before.`)];
}

function bodyObject({ route, plan, rules }: RestOperation<AnyRestRoute>, { examples }: Reference): JsonSchema {
  const inputs = plan.inputs.filter((input) => input.in === 'body');
  const required = inputs.filter((input) => input.required).map((input) => input.name);
  const ignored = [...plan.readOnly].filter((name) => !inputs.some((input) => input.name === name));
  return {
    required: required.length > 0,
    content: {
      'application/json': {
        schema: {
          type: 'object',
          ...(required.length > 0 && { required }),
          properties: {
            ...Object.fromEntries(
              inputs.map((input) => [input.name, described(inputSchema(input, rules), input.description)]),
            ),
            ...Object.fromEntries(ignored.map((name) => [name, IGNORED])),
          },
          additionalProperties: false,
          ...plan.bodySchema,
        },
        example: Object.fromEntries(
          inputs
            .filter((input) => input.required || typeof examples[input.name] === 'string')
            .map((input) => [input.name, inputExample(input, route.operationId, examples)]),
        ),
      },
    },
  };
}

function dataType({ schema }: RestView, route: RestRoute): GraphQLOutputType {
  const root = route.method === 'GET' ? schema.getQueryType() : schema.getMutationType();
  const type = root?.getFields()[route.operationId]?.type;
  if (type === undefined) throw new Error(`The view has no field ${route.operationId}`);
  return type;
}

function streamContent({ text }: RestStreamRoute): Readonly<Record<string, JsonSchema>> {
  return {
    ...(text && { 'text/plain': { schema: { type: 'string', description: 'The text as it comes.' } } }),
    'text/event-stream': { schema: { type: 'string', description: 'Server-sent events.' } },
  };
}

/** OpenAPI 3.1 has no words for the events of a stream. */
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

function tagsOf({ operations, streams, files }: RestView, { tags }: Reference): OpenApiDocument['tags'] {
  const used = new Set([...operations, ...streams, ...files].map(({ route }) => route.tag));
  const unknown = [...used].find((tag) => !Object.hasOwn(tags, tag));
  if (unknown !== undefined) throw new Error(`The reference does not say what the tag ${unknown} is`);
  return Object.entries(tags).flatMap(([name, description]) => (used.has(name) ? [{ name, description }] : []));
}

function componentsOf({ schema }: RestView, paths: OpenApiDocument['paths']): OpenApiDocument['components'] {
  const roots = [schema.getQueryType(), schema.getMutationType()].map((type) => type?.name);
  const objects = Object.values(schema.getTypeMap()).filter(
    (type) => isObjectType(type) && !isIntrospectionType(type) && !roots.includes(type.name),
  );
  const schemas = Object.fromEntries(objects.map((type) => [type.name, objectSchema(type as GraphQLOutputType)]));
  const text = JSON.stringify(paths);
  const responses = Object.fromEntries(
    Object.entries(SHARED_RESPONSES).filter(([name]) => text.includes(`"#/components/responses/${name}"`)),
  );
  return { securitySchemes: SECURITY_SCHEMES, schemas: sorted({ ...schemas, Faults: FAULTS }), responses };
}

function sorted<Value>(record: Readonly<Record<string, Value>>): Record<string, Value> {
  return Object.fromEntries(Object.entries(record).sort(([one], [other]) => (one < other ? -1 : 1)));
}
