// Finds breaking changes between two OpenAPI documents. This is our own code, since the comparators on npm either need OpenAPI
// 3.0 or miss what matters most here: a response property of another type, a constant of another value, a property that
// requests may no longer contain, a change in a shared response.
import { isDeepStrictEqual } from 'node:util';
import { type Direction, type JsonSchema, JsonSchemaComparison } from './json-schema-changes.js';

export interface OpenApiDocument {
  readonly servers?: readonly { readonly url: string }[];
  readonly security?: readonly Credentials[];
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components?: Readonly<Record<string, unknown>>;
}

interface Operation {
  readonly security?: readonly Credentials[];
  readonly parameters?: readonly (Parameter | Reference)[];
  readonly requestBody?: RequestBody | Reference;
  readonly responses: Readonly<Record<string, Response | Reference>>;
}

interface Reference {
  readonly $ref: string;
}

interface Parameter {
  readonly name: string;
  readonly in: string;
  readonly required?: boolean;
  readonly schema: JsonSchema;
}

interface RequestBody {
  readonly required?: boolean;
  readonly content: Content;
}

interface Response {
  readonly headers?: Readonly<Record<string, { readonly schema: JsonSchema } | Reference>>;
  readonly content?: Content;
}

type Content = Readonly<Record<string, MediaType>>;

interface MediaType {
  readonly schema?: JsonSchema;
  readonly example?: unknown;
  readonly examples?: Readonly<Record<string, { readonly value?: unknown }>>;
}

/** Scopes by security scheme; a client needs all of them. */
type Credentials = Readonly<Record<string, readonly string[]>>;

/** Changes from `before` to `after` that break clients, one sentence each. */
export function breakingOpenApiChanges(before: OpenApiDocument, after: OpenApiDocument): string[] {
  return [...new Set(new OpenApiComparison(before, after).compare())];
}

class OpenApiComparison {
  private readonly schemas: JsonSchemaComparison;

  constructor(
    private readonly before: OpenApiDocument,
    private readonly after: OpenApiDocument,
  ) {
    this.schemas = new JsonSchemaComparison(
      (reference) => resolve<JsonSchema>(before, { $ref: reference }),
      (reference) => resolve<JsonSchema>(after, { $ref: reference }),
    );
  }

  compare(): string[] {
    return [...this.changedServers(), ...this.changedSchemes(), ...this.changedOperations()];
  }

  private changedServers(): string[] {
    const urls = new Set((this.after.servers ?? []).map(({ url }) => url));
    return (this.before.servers ?? []).filter(({ url }) => !urls.has(url)).map(({ url }) => `server ${url} is gone`);
  }

  private changedSchemes(): string[] {
    const after = securitySchemes(this.after);
    return Object.entries(securitySchemes(this.before))
      .filter(([name, scheme]) => !isDeepStrictEqual(withoutDescription(scheme), withoutDescription(after[name])))
      .map(([name]) => `security scheme ${name} is another one`);
  }

  private changedOperations(): string[] {
    return Object.entries(this.before.paths).flatMap(([path, item]) =>
      Object.entries(item).flatMap(([method, operation]) => {
        const name = `${method.toUpperCase()} ${path}`;
        const successor = this.after.paths[path]?.[method];
        return successor === undefined ? [`${name} is gone`] : this.compareOperation(operation, successor, name);
      }),
    );
  }

  private compareOperation(before: Operation, after: Operation, name: string): string[] {
    return [
      ...this.changedSecurity(before, after, name),
      ...this.changedParameters(before, after, name),
      ...this.changedRequestBody(before, after, name),
      ...this.changedResponses(before, after, name),
    ];
  }

  private changedSecurity(before: Operation, after: Operation, name: string): string[] {
    const alternatives = after.security ?? this.after.security ?? [];
    return orNobody(before.security ?? this.before.security ?? [])
      .filter((credentials) => !orNobody(alternatives).some((needed) => suffices(credentials, needed)))
      .map((credentials) => `${name} no longer takes ${Object.keys(credentials).join(' with ') || 'no credentials'}`);
  }

  private changedParameters(before: Operation, after: Operation, name: string): string[] {
    const known = parametersOf(this.before, before);
    const present = parametersOf(this.after, after);
    const added = [...present].filter(([key, { required }]) => required === true && known.get(key)?.required !== true);
    return [
      ...added.map(([key]) => `${name} ${key} is now required`),
      ...[...known].flatMap(([key, parameter]) => {
        const successor = present.get(key);
        const place = { direction: 'request' as const, name: `${name} ${key}` };
        if (successor === undefined) return [`${place.name} is gone`];
        return this.schemas.compare(parameter.schema, successor.schema, place);
      }),
    ];
  }

  private changedRequestBody(before: Operation, after: Operation, name: string): string[] {
    const was = before.requestBody && resolve<RequestBody>(this.before, before.requestBody);
    const is = after.requestBody && resolve<RequestBody>(this.after, after.requestBody);
    const place = `${name} body`;
    const nowRequired = is?.required === true && was?.required !== true ? [`${place} is now required`] : [];
    if (was === undefined) return nowRequired;
    if (is === undefined) return [`${place} is gone`];
    return [...nowRequired, ...this.compareContent(was.content, is.content, 'request', place)];
  }

  private changedResponses(before: Operation, after: Operation, name: string): string[] {
    return Object.entries(before.responses).flatMap(([status, response]) => {
      const successor = after.responses[status];
      if (successor === undefined) return [`${name} ${status} is gone`];
      // A shared response is reported under its own name, and only once.
      const isShared = '$ref' in response && '$ref' in successor && response.$ref === successor.$ref;
      const place = isShared ? response.$ref.replace('#/', '') : `${name} ${status}`;
      return this.compareResponse(resolve(this.before, response), resolve(this.after, successor), place);
    });
  }

  private compareResponse(before: Response, after: Response, name: string): string[] {
    const headers = Object.entries(before.headers ?? {}).flatMap(([header, value]) => {
      const successor = after.headers?.[header];
      const place = { direction: 'response' as const, name: `${name} header ${header}` };
      if (successor === undefined) return [`${place.name} is gone`];
      const { schema } = resolve<{ schema: JsonSchema }>(this.before, value);
      return this.schemas.compare(schema, resolve<{ schema: JsonSchema }>(this.after, successor).schema, place);
    });
    return [...headers, ...this.compareContent(before.content ?? {}, after.content ?? {}, 'response', name)];
  }

  private compareContent(before: Content, after: Content, direction: Direction, name: string): string[] {
    return Object.entries(before).flatMap(([mediaType, content]) => {
      const successor = after[mediaType];
      if (successor === undefined) return [`${name} as ${mediaType} is gone`];
      const place = { direction, name: mediaType === 'application/json' ? `${name}:` : `${name} as ${mediaType}:` };
      return this.schemas.compare(schemaOf(this.before, content), schemaOf(this.after, successor), place);
    });
  }
}

/**
 * The schema of a body. An envelope's schema is the same for many answers; which codes and messages an answer can have, and
 * whether there are data, is in its examples, of which there is one for each.
 */
function schemaOf(document: OpenApiDocument, { schema = {}, example, examples = {} }: MediaType): JsonSchema {
  const shown = [example, ...Object.values(examples).map(({ value }) => value)].filter(isEnvelope);
  const whole = resolve<JsonSchema>(document, schema);
  const forms = (whole.anyOf ?? [whole]).map((form) => resolve<JsonSchema>(document, form as JsonSchema | Reference));
  if (shown.length === 0 || !forms.every(isPlainEnvelope)) return schema;
  const narrowed = forms.flatMap((form) =>
    [true, false].flatMap((isNull) => {
      const { data = {} } = form.properties ?? {};
      const values = shown.filter((value) => (value.data === null) === isNull);
      if (values.length === 0 || takesNull(document, data) !== isNull) return [];
      return {
        ...form,
        properties: {
          ...form.properties,
          code: { type: 'integer', enum: [...new Set(values.map(({ code }) => code))] },
          message: { type: 'string', enum: [...new Set(values.map(({ message }) => message))] },
          data: isNull ? { type: 'null' } : data,
        },
      };
    }),
  );
  return narrowed.length === 0 ? schema : { anyOf: narrowed };
}

interface Envelope {
  readonly code: number;
  readonly message: string;
  readonly data: unknown;
}

function isEnvelope(value: unknown): value is Envelope {
  return typeof value === 'object' && value !== null && 'code' in value && 'message' in value && 'data' in value;
}

function isPlainEnvelope({ properties = {} }: JsonSchema): boolean {
  const { code, message, data } = properties;
  return (
    data !== undefined &&
    [code, message].every((part) => part?.type !== undefined && !('enum' in part || 'const' in part))
  );
}

function takesNull(document: OpenApiDocument, data: JsonSchema): boolean {
  return [resolve<JsonSchema>(document, data)].some(({ type }) => [type].flat().includes('null'));
}

function parametersOf(document: OpenApiDocument, { parameters = [] }: Operation): Map<string, Parameter> {
  const resolved = parameters.map((parameter) => resolve<Parameter>(document, parameter));
  return new Map(resolved.map((parameter) => [`${parameter.in} parameter ${parameter.name}`, parameter]));
}

/** An empty list of requirements allows everybody, just like one empty requirement. */
function orNobody(alternatives: readonly Credentials[]): readonly Credentials[] {
  return alternatives.length === 0 ? [{}] : alternatives;
}

function suffices(shown: Credentials, needed: Credentials): boolean {
  return Object.entries(needed).every(
    ([scheme, scopes]) => scopes.every((scope) => shown[scheme]?.includes(scope)) && scheme in shown,
  );
}

function securitySchemes({ components }: OpenApiDocument): Readonly<Record<string, object>> {
  return (components?.['securitySchemes'] ?? {}) as Record<string, object>;
}

function withoutDescription(scheme: object | undefined): object | undefined {
  return scheme && { ...scheme, description: undefined };
}

function resolve<T extends object>(document: OpenApiDocument, value: T | Reference): T {
  if (!('$ref' in value) || typeof value.$ref !== 'string') return value as T;
  const steps = value.$ref.replace('#/', '').split('/');
  const target = steps.reduce<unknown>((node, step) => (node as Record<string, unknown>)[step], document);
  if (target === undefined) throw new Error(`${value.$ref} is not in the document`);
  return resolve(document, target as T);
}
