import type { GraphQLSchema } from 'graphql';
import { OpenAPI } from 'sofa-api';
import type { JsonSchema } from '../../rest/json-schema.js';
import type { Reference } from './reference.js';
import type { SofaRoute } from './sofa.js';
import { BASE_PATH, toColonPath } from './sofa-operations.js';

/** JSON Schemas of the scalars that SOFA does not know. */
const CUSTOM_SCALARS: Readonly<Record<string, JsonSchema>> = {
  DateTime: { type: 'string', format: 'date-time' },
  Date: { type: 'string', format: 'date' },
  JSONObject: { type: 'object', additionalProperties: true },
  RestJson: {},
  Upload: { type: 'string', format: 'binary' },
};

/** SOFA's OpenAPI document, from which ours is made. */
export interface SofaDocument {
  readonly info: JsonSchema;
  readonly servers: readonly JsonSchema[];
  readonly paths: Readonly<Record<string, Readonly<Record<string, SofaOperation>>>>;
  readonly components: { readonly schemas: SofaSchemas };
}

/** SOFA's schemas of the object and input types, by type name. */
export type SofaSchemas = Readonly<Record<string, SofaObjectSchema>>;

export interface SofaObjectSchema {
  readonly properties: Readonly<Record<string, JsonSchema>>;
  readonly description?: string;
}

/** SOFA's description of an operation. */
export interface SofaOperation {
  readonly tags: readonly string[];
  /** The description of the root field; empty if it has none. */
  readonly summary: string;
  /** The summary of the route. */
  readonly description: string;
  readonly parameters: readonly SofaParameter[];
  readonly requestBody?: {
    readonly content: { readonly 'application/json': { readonly schema: SofaBody } };
  };
  readonly responses: {
    readonly 200: { readonly content: { readonly 'application/json': { readonly schema: JsonSchema } } };
  };
}

interface SofaParameter {
  readonly name: string;
  readonly required: boolean;
  readonly description?: string;
  readonly schema: JsonSchema;
}

interface SofaBody extends SofaObjectSchema {
  readonly required?: readonly string[];
}

export function sofaDocument(
  schema: GraphQLSchema,
  routes: readonly SofaRoute[],
  version: string,
  { title, description }: Reference,
): SofaDocument {
  const builder = OpenAPI({
    schema,
    info: { title, version, description },
    servers: [{ url: BASE_PATH }],
    customScalars: CUSTOM_SCALARS,
  });
  for (const { path, operation, document } of routes) {
    const { method, tag, summary } = operation.route;
    builder.addRoute({ method, path: toColonPath(path), document, tags: [tag], description: summary });
  }
  return builder.get() as unknown as SofaDocument;
}

export function sofaOperation(
  { paths }: SofaDocument,
  { path, method }: { readonly path: string; readonly method: string },
): SofaOperation {
  const operation = paths[path]?.[method.toLowerCase()];
  if (operation === undefined) throw new Error(`SOFA describes no ${method} ${path}`);
  return operation;
}

/** An input of an operation, as SOFA describes it. */
export interface SofaInput {
  readonly schema: JsonSchema;
  readonly required: boolean;
  readonly description: string | undefined;
}

/** The inputs of an operation, by the view's argument. SOFA reads them from the path, the query and the JSON body only. */
export function sofaInputs({ parameters, requestBody }: SofaOperation): ReadonlyMap<string, SofaInput> {
  const body = requestBody?.content['application/json'].schema;
  return new Map([
    ...parameters.map(({ name, schema, required, description }) => [name, { schema, required, description }] as const),
    ...Object.entries(body?.properties ?? {}).map(
      ([name, property]) =>
        [name, { ...describedSchema(property), required: body?.required?.includes(name) === true }] as const,
    ),
  ]);
}

/** Separates a schema from its description, which SOFA writes into it. */
export function describedSchema({ description, ...schema }: JsonSchema): {
  readonly schema: JsonSchema;
  readonly description: string | undefined;
} {
  return { schema, description: typeof description === 'string' ? description : undefined };
}

/** The schema of an operation's data. */
export function sofaData({ responses }: SofaOperation): JsonSchema {
  return responses[200].content['application/json'].schema;
}
