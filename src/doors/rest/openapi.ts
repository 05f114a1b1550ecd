import { isIntrospectionType, isObjectType, type GraphQLOutputType } from 'graphql';
import type { JsonSchema } from '../../rest/json-schema.js';
import type { AnyRestRoute } from '../../rest/route.js';
import { sofaOperation, type SofaDocument, type SofaSchemas } from './openapi-base.js';
import type { Described } from './openapi-inputs.js';
import { fileObject, operationObject, streamObject } from './openapi-operations.js';
import { FAULTS, SHARED_RESPONSES } from './openapi-responses.js';
import { objectSchema } from './openapi-schemas.js';
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
  const add = ({ path, method }: AnyRestRoute, operation: JsonSchema) => {
    (paths[path] ??= {})[method.toLowerCase()] = operation;
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
    };
  };
  for (const operation of view.operations) {
    const { route } = operation;
    const stream = view.streams.find(({ route: { path, method } }) => path === route.path && method === route.method);
    add(route, operationObject(view, describe(operation, sofa.operations), stream));
  }
  for (const stream of view.streams.filter(({ route }) => route.when === undefined)) {
    add(stream.route, streamObject(view, describe(stream, sofa.streams)));
  }
  for (const file of view.files) {
    add(file.route, fileObject(view, describe(file, sofa.streams)));
  }
  const { info, servers, components } = sofa.operations;
  return {
    openapi: '3.1.0',
    info: { ...info, license: { name: 'MIT', identifier: 'MIT' } },
    servers,
    tags: tagsOf(view, reference),
    paths: sorted(paths),
    components: componentsOf(view, components.schemas, paths),
  };
}

function tagsOf({ operations, streams, files }: RestView, { tags }: Reference): OpenApiDocument['tags'] {
  const used = new Set([...operations, ...streams, ...files].map(({ route }) => route.tag));
  const unknown = [...used].find((tag) => !Object.hasOwn(tags, tag));
  if (unknown !== undefined) throw new Error(`The reference does not say what the tag ${unknown} is`);
  return Object.entries(tags).flatMap(([name, description]) => (used.has(name) ? [{ name, description }] : []));
}

function componentsOf(
  { schema }: RestView,
  sofaSchemas: SofaSchemas,
  paths: OpenApiDocument['paths'],
): OpenApiDocument['components'] {
  const roots = [schema.getQueryType(), schema.getMutationType()].map((type) => type?.name);
  const objects = Object.values(schema.getTypeMap()).filter(
    (type) => isObjectType(type) && !isIntrospectionType(type) && !roots.includes(type.name),
  );
  const schemas = Object.fromEntries(
    objects.map((type) => [type.name, objectSchema(sofaSchemas, type as GraphQLOutputType)]),
  );
  const text = JSON.stringify(paths);
  const responses = Object.fromEntries(
    Object.entries(SHARED_RESPONSES).filter(([name]) => text.includes(`"#/components/responses/${name}"`)),
  );
  return { securitySchemes: SECURITY_SCHEMES, schemas: sorted({ ...schemas, Faults: FAULTS }), responses };
}

function sorted<Value>(record: Readonly<Record<string, Value>>): Record<string, Value> {
  return Object.fromEntries(Object.entries(record).sort(([one], [other]) => (one < other ? -1 : 1)));
}
