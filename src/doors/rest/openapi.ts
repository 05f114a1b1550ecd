import { isIntrospectionType, isObjectType, type GraphQLOutputType } from 'graphql';
import type { JsonSchema } from '../../rest/json-schema.js';
import type { AnyRestRoute } from '../../rest/route.js';
import { sofaOperation, type SofaDocument, type SofaSchemas } from './openapi-base.js';
import type { Described } from './openapi-inputs.js';
import { fileObject, operationObject, streamObject, TICKET_SECURITY } from './openapi-operations.js';
import { Components } from './openapi-components.js';
import { addLinks } from './openapi-links.js';
import { sharedResponses } from './openapi-responses.js';
import { objectSchema } from './openapi-schemas.js';
import { WireWords } from './openapi-words.js';
import type { Reference } from './reference.js';
import type { RestOperation, RestView } from './rest-view.js';

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

const TICKET_SCHEME: JsonSchema = {
  type: 'apiKey',
  in: 'query',
  name: 'ticket',
  description: "A ticket for this one stream, in place of a header: a browser's EventSource can send none.",
};

/** SOFA's two documents: one of the operations, and one of the streams and files, which it is shown as queries. */
export interface SofaDocuments {
  readonly operations: SofaDocument;
  readonly streams: SofaDocument | undefined;
}

/**
 * SOFA's documents, refined to describe what goes over the wire. Paths, tags, descriptions, inputs and types are SOFA's. The
 * envelope, errors, security, the place of each input, its rules and nullability are added from the routes. The same view
 * gives the same document, byte for byte.
 */
export function openApiDocument(view: RestView, sofa: SofaDocuments, reference: Reference): OpenApiDocument {
  const paths: Record<string, Record<string, JsonSchema>> = {};
  const components = new Components(reference.schemaNames);
  const words = new WireWords(view);
  const add = (route: AnyRestRoute, operation: JsonSchema) => {
    (paths[route.path] ??= {})[route.method.toLowerCase()] = inWireWords(operation, words, route);
  };
  const describe = <Route extends AnyRestRoute>(
    operation: RestOperation<Route>,
    document: SofaDocument | undefined,
  ): Described<Route> => {
    if (document === undefined) throw new Error('SOFA describes no streams');
    return {
      operation,
      sofa: sofaOperation(document, operation.route),
      schemas: document.components.schemas,
      reference,
      components,
    };
  };
  for (const operation of view.operations) {
    const { route } = operation;
    const isBeside = (method: string, path: string | undefined) => method === route.method && path === route.path;
    const beside = {
      stream: view.streams.find((stream) => isBeside(stream.route.method, stream.route.beside?.path)),
      file: view.files.find((file) => isBeside(file.route.method, file.route.beside)),
    };
    add(route, operationObject(view, describe(operation, sofa.operations), beside));
  }
  for (const stream of view.streams) {
    add(stream.route, streamObject(view, describe(stream, sofa.streams)));
  }
  for (const file of view.files) {
    add(file.route, fileObject(view, describe(file, sofa.streams)));
  }
  addTypes(view, sofa.operations.components.schemas, components);
  const responses = sharedResponses(components);
  const { info, servers } = sofa.operations;
  return {
    openapi: '3.1.0',
    info: { ...info, license: { name: 'MIT', identifier: 'MIT' } },
    servers,
    tags: tagsOf(view, reference),
    paths: addLinks(sorted(paths), components),
    components: {
      securitySchemes: securitySchemes(paths),
      schemas: inWireWords(sorted(Object.fromEntries(components.all)), words),
      responses: usedResponses(responses, paths),
    },
  };
}

function tagsOf({ operations, streams, files }: RestView, { tags }: Reference): OpenApiDocument['tags'] {
  const used = new Set([...operations, ...streams, ...files].map(({ route }) => route.tag));
  const unknown = [...used].find((tag) => !Object.hasOwn(tags, tag));
  if (unknown !== undefined) throw new Error(`The reference does not say what the tag ${unknown} is`);
  return Object.entries(tags).flatMap(([name, description]) => (used.has(name) ? [{ name, description }] : []));
}

/** Adds the object types of the view, of which the operations' data and the parts of other types are. */
function addTypes({ schema }: RestView, sofaSchemas: SofaSchemas, components: Components): void {
  const roots = [schema.getQueryType(), schema.getMutationType()].map((type) => type?.name);
  for (const type of Object.values(schema.getTypeMap())) {
    if (!isObjectType(type) || isIntrospectionType(type) || roots.includes(type.name)) continue;
    components.addType(type.name, objectSchema(sofaSchemas, type as GraphQLOutputType));
  }
}

function securitySchemes(paths: OpenApiDocument['paths']): Record<string, JsonSchema> {
  const usesTickets = JSON.stringify(paths).includes(`"${TICKET_SECURITY}"`);
  return { ...SECURITY_SCHEMES, ...(usesTickets && { [TICKET_SECURITY]: TICKET_SCHEME }) };
}

function usedResponses(
  responses: Readonly<Record<string, JsonSchema>>,
  paths: OpenApiDocument['paths'],
): Record<string, JsonSchema> {
  const text = JSON.stringify(paths);
  return Object.fromEntries(
    Object.entries(responses).filter(([name]) => text.includes(`"#/components/responses/${name}"`)),
  );
}

/** Every description in REST's terms. Examples are left alone: they hold no descriptions, but keys that may be called so. */
function inWireWords<Value>(value: Value, words: WireWords, route?: AnyRestRoute): Value {
  const translated = (key: string, part: unknown): unknown => {
    if (key === 'example' || key === 'examples') return part;
    if ((key === 'description' || key === 'summary') && typeof part === 'string') return words.translate(part, route);
    return inWireWords(part, words, route);
  };
  if (Array.isArray(value)) return value.map((part: unknown) => inWireWords(part, words, route)) as Value;
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, part]) => [key, translated(key, part)])) as Value;
}

function sorted<Value>(record: Readonly<Record<string, Value>>): Record<string, Value> {
  return Object.fromEntries(Object.entries(record).sort(([one], [other]) => (one < other ? -1 : 1)));
}
