import { isDeepStrictEqual } from 'node:util';
import type { JsonSchema } from '../../rest/json-schema.js';

const PREFIX = '#/components/schemas/';
/** Keywords that constrain a value without describing it: generators make no types of them. */
const CONDITIONS = new Set(['if', 'then', 'else', 'not', 'dependentSchemas']);

/**
 * The named schemas of the document. Generators make a type of each, and one of every object that has no name, so each object
 * with known properties and each enumeration of the product gets one: its `title`, or what it is part of.
 */
export class Components {
  private readonly schemas = new Map<string, JsonSchema>();
  /** The names of objects that may be null somewhere. */
  private readonly nullable = new Set<string>();

  /** @param names other names for types of the view */
  constructor(private readonly names: Readonly<Record<string, string>>) {}

  get all(): ReadonlyMap<string, JsonSchema> {
    const orNull = [...this.nullable].map((name): [string, JsonSchema] => [
      nullableName(name),
      { ...this.schemas.get(name), type: ['object', 'null'] },
    ]);
    const all = new Map([...this.schemas, ...orNull]);
    const references = JSON.stringify([...all.values()]);
    // An object that may be null wherever it is has no use for the other schema.
    for (const name of this.nullable) if (!references.includes(`"${PREFIX}${name}"`)) all.delete(name);
    return all;
  }

  /** Adds an object type of the view under its name in the document. */
  addType(typeName: string, schema: JsonSchema): void {
    this.define(this.names[typeName] ?? typeName, this.withNamedParts(schema, typeName), undefined);
  }

  /** The schema, with references in place of what has a name. `name` is for the schema itself if it has no title. */
  reference(schema: JsonSchema, name: string, fallback?: string): JsonSchema {
    return this.named(schema, name, fallback, false);
  }

  /** @param isInNullable whether it is a property of an object that may be null */
  private named(schema: JsonSchema, name: string, fallback: string | undefined, isInNullable: boolean): JsonSchema {
    const { $ref: reference, title, type, ...rest } = schema;
    if (typeof reference === 'string') return { ...schema, $ref: this.renamed(reference) };
    const whole = objectOrNull(schema);
    if (whole !== undefined) return this.referenceOrNull(whole, schema['description']);
    const parts = this.withNamedParts({ ...(type !== undefined && { type }), ...rest }, name);
    const types = [type].flat();
    const present = types.filter((one) => one !== 'null');
    // Generators know null as a type of an object, and not as an alternative to it.
    const isObject = present.length === 1 && present[0] === 'object';
    // openapi-python-client meets what is in an object that may be null twice, and drops the object for two types of one name.
    const isNamed = schema['properties'] !== undefined || title !== undefined || (isObject && isInNullable);
    if (!isNamed) return parts;
    const named = this.define(
      typeof title === 'string' ? title : name,
      type === undefined || isObject ? parts : { ...parts, type: present.length === 1 ? present[0] : present },
      fallback,
    );
    return types.includes('null') && !isObject ? { anyOf: [named, { type: 'null' }] } : named;
  }

  /** Generators know null as a type of an object, and not as an alternative to it. */
  private referenceOrNull(reference: string, description: unknown): JsonSchema {
    const name = this.renamed(reference).slice(PREFIX.length);
    this.nullable.add(name);
    return { $ref: `${PREFIX}${nullableName(name)}`, ...(description !== undefined && { description }) };
  }

  /** The envelope around data: named by what is in it, or by the operation. */
  envelope(data: JsonSchema, operationName: string): JsonSchema {
    const named = this.reference(data, `${operationName}Data`);
    const [one, each] = [nameIn(named), nameIn(named['items'])];
    const subject = one ?? (each === undefined ? operationName : `${each}List`);
    return this.define(`${subject}Response`, envelopeOf(named), `${operationName}Response`);
  }

  /** One of several schemas with names. */
  either(schemas: readonly JsonSchema[]): JsonSchema {
    const [one, ...others] = schemas;
    if (one !== undefined && others.length === 0) return one;
    const names = schemas.map((schema) => nameIn(schema)?.replace(/Response$/, ''));
    return this.define(`${names.join('Or')}Response`, { anyOf: schemas }, undefined);
  }

  private withNamedParts(schema: JsonSchema, name: string): JsonSchema {
    const isNullable = [schema['type']].flat().includes('null');
    const part = (value: unknown, partName: string): unknown =>
      typeof value === 'object' && value !== null ? this.reference(value as JsonSchema, partName) : value;
    return Object.fromEntries(
      Object.entries(schema).map(([keyword, value]): [string, unknown] => {
        if (CONDITIONS.has(keyword)) return [keyword, value];
        if (keyword === 'items') return [keyword, part(value, `${name}Item`)];
        if (keyword === 'additionalProperties') return [keyword, part(value, `${name}Value`)];
        if (keyword === 'properties') {
          const properties = Object.entries(value as object);
          return [
            keyword,
            Object.fromEntries(
              properties.map(([key, of]) => [
                key,
                this.named(of as JsonSchema, name + pascalCase(key), undefined, isNullable),
              ]),
            ),
          ];
        }
        if (keyword === 'anyOf')
          return [keyword, (value as unknown[]).map((of, index) => part(of, `${name}${String(index)}`))];
        return [keyword, value];
      }),
    );
  }

  private define(name: string, schema: JsonSchema, fallback: string | undefined): JsonSchema {
    const known = this.schemas.get(name);
    if (known !== undefined && !isDeepStrictEqual(known, schema)) {
      if (fallback === undefined || fallback === name) throw new Error(`Two schemas are called ${name}`);
      return this.define(fallback, schema, undefined);
    }
    this.schemas.set(name, schema);
    return { $ref: `${PREFIX}${name}` };
  }

  private renamed(reference: string): string {
    const name = reference.slice(PREFIX.length);
    return `${PREFIX}${this.names[name] ?? name}`;
  }
}

function nullableName(name: string): string {
  return `${name}OrNull`;
}

/** The reference to the object, of a schema that says "this object, or null". */
function objectOrNull({ anyOf }: JsonSchema): string | undefined {
  const [object, nothing, ...others] = (anyOf as readonly JsonSchema[] | undefined) ?? [];
  const reference = object?.['$ref'];
  return typeof reference === 'string' && nothing?.['type'] === 'null' && others.length === 0 ? reference : undefined;
}

function nameIn(schema: unknown): string | undefined {
  const reference = (schema as JsonSchema | undefined)?.['$ref'];
  return typeof reference === 'string' ? reference.slice(PREFIX.length) : undefined;
}

/** `code` and `message` are plain: their values are in the examples, since a constant would make a type for each operation. */
export function envelopeOf(data: JsonSchema): JsonSchema {
  return {
    type: 'object',
    required: ['code', 'message', 'data'],
    properties: {
      code: { type: 'integer', format: 'int32', description: 'The HTTP status.' },
      message: { type: 'string', description: '`Success`, or what is wrong.' },
      data,
    },
    additionalProperties: false,
  };
}

/** `user_id` -> `UserId`, `createUser` -> `CreateUser`. */
export function pascalCase(name: string): string {
  return name.replace(/(?:^|[^A-Za-z0-9]+)([A-Za-z0-9])/g, (_gap, letter: string) => letter.toUpperCase());
}
