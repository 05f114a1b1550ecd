import {
  getNullableType,
  isInputObjectType,
  isListType,
  isNonNullType,
  isObjectType,
  type GraphQLInputType,
  type GraphQLOutputType,
} from 'graphql';
import { resolveFieldType } from 'sofa-api';
import { z, type ZodType } from 'zod';
import type { JsonSchema } from '../../graphql/rest-route.js';
import type { WireInput } from './input-plan.js';
import { toSnakeCase } from './wire-names.js';

/** What goes over the wire for scalars that SOFA does not know. */
export const CUSTOM_SCALARS: Readonly<Record<string, JsonSchema>> = {
  DateTime: { type: 'string', format: 'date-time' },
  Date: { type: 'string', format: 'date' },
  JSONObject: { type: 'object', additionalProperties: true },
  RestJson: {},
  Upload: { type: 'string', format: 'binary' },
};

const SOFA_OPTIONS = { customScalars: CUSTOM_SCALARS, enumTypes: {} };
const UUID: JsonSchema = { type: 'string', format: 'uuid' };
/** The pipeline refuses NUL in every text: PostgreSQL could not hold it. */
const TEXT: JsonSchema = { type: 'string', not: { type: 'string', pattern: '\\u0000' } };

function nullable(schema: JsonSchema): JsonSchema {
  const { type } = schema;
  if (type === undefined && schema['$ref'] === undefined) return schema;
  if (typeof type !== 'string' || schema['enum'] !== undefined) return { anyOf: [schema, { type: 'null' }] };
  return { ...schema, type: [type, 'null'] };
}

/** The schema of a type of the view, as SOFA has it, but that it says what may be null and that ids are UUIDs. */
export function outputSchema(type: GraphQLOutputType): JsonSchema {
  if (!isNonNullType(type)) return nullable(presentSchema(type));
  return presentSchema(type.ofType);
}

function presentSchema(type: GraphQLOutputType): JsonSchema {
  if (isListType(type)) return { type: 'array', items: outputSchema(type.ofType) };
  if (String(type) === 'ID') return UUID;
  return resolveFieldType(type, SOFA_OPTIONS) as JsonSchema;
}

/** The component of an object type of the view. Every field is there, null or not. */
export function objectSchema(type: GraphQLOutputType): JsonSchema {
  if (!isObjectType(type)) throw new Error(`${String(type)} is no object type`);
  const fields = Object.values(type.getFields());
  return {
    type: 'object',
    ...(type.description && { description: wireWords(type.description) }),
    required: fields.map((field) => field.name),
    properties: Object.fromEntries(
      fields.map((field) => [field.name, described(outputSchema(field.type), field.description ?? undefined)]),
    ),
    additionalProperties: false,
  };
}

export function described(schema: JsonSchema, description: string | undefined): JsonSchema {
  return description === undefined ? schema : { ...schema, description: wireWords(description) };
}

/** Descriptions are written for GraphQL; names of fields in them are the wire's here. */
export function wireWords(description: string): string {
  return description.replace(/`[a-z]+(?:[A-Z][a-z]*)+`/g, toSnakeCase);
}

/** The schema of one value that the wire carries: its type, with what the rules of the operation say of it. */
export function inputSchema(input: WireInput, rules: ZodType<object> | undefined): JsonSchema {
  const ruled = rules && ruleOf(rules, input.argumentPath);
  const shape = rules && shapeOf(rules, input);
  const present = {
    ...typeSchema(input.type, input.variable),
    ...(ruled && keywordsOf(ruled)),
    ...shape,
    ...input.schema,
  };
  const fallback = input.fallback === undefined || input.fallback === '' ? {} : { default: input.fallback };
  const takesNull = input.in === 'body' && !isNonNullType(input.type) && (ruled === undefined || allowsNull(ruled));
  return { ...(takesNull ? nullable(present) : present), ...fallback };
}

function typeSchema(type: GraphQLInputType, name: string): JsonSchema {
  const present = getNullableType(type);
  if (isListType(present)) return { type: 'array', items: itemSchema(present.ofType, name) };
  if (isInputObjectType(present)) {
    const fields = Object.values(present.getFields());
    return {
      type: 'object',
      required: fields
        .filter((field) => isNonNullType(field.type) && field.defaultValue === undefined)
        .map((field) => toSnakeCase(field.name)),
      properties: Object.fromEntries(
        fields.map((field) => {
          const wireName = toSnakeCase(field.name);
          return [wireName, described(itemSchema(field.type, wireName), field.description ?? undefined)];
        }),
      ),
      additionalProperties: false,
    };
  }
  // An ID that is called otherwise is a name, as a plan's.
  if (String(present) === 'ID') return /(^|_)ids?$/.test(name) ? UUID : TEXT;
  if (String(present) === 'String') return TEXT;
  return resolveFieldType(present as GraphQLOutputType, SOFA_OPTIONS) as JsonSchema;
}

function itemSchema(type: GraphQLInputType, name: string): JsonSchema {
  const schema = typeSchema(type, name);
  return isNonNullType(type) ? schema : nullable(schema);
}

/** The rule of an input, as JSON Schema. Where anything goes in and a rule follows, zod tells of it in the output alone. */
function ruleOf(rules: ZodType<object>, path: readonly string[]): JsonSchema | undefined {
  const asInput = ruleAt(jsonSchemaOf(rules, 'input'), path);
  if (asInput === undefined || Object.keys(asInput).length > 0) return asInput;
  return ruleAt(jsonSchemaOf(rules, 'output'), path);
}

/** What a rule says of the fields of free JSON. It may have others, which the rule drops. */
function shapeOf(rules: ZodType<object>, { type, argumentPath }: WireInput): JsonSchema | undefined {
  if (String(getNullableType(type)) !== 'JSONObject') return undefined;
  const ruled = ruleAt(jsonSchemaOf(rules, 'output'), argumentPath);
  const shape = ruled && withoutNull(ruled);
  return shape?.['properties'] === undefined ? undefined : withOtherFields(shape);
}

function withOtherFields({ additionalProperties: _, properties, ...schema }: JsonSchema): JsonSchema {
  if (properties === undefined) return schema;
  const fields = Object.entries(properties as Readonly<Record<string, JsonSchema>>);
  return {
    ...schema,
    properties: Object.fromEntries(fields.map(([name, field]) => [name, withOtherFields(field)])),
    additionalProperties: true,
  };
}

function jsonSchemaOf(rules: ZodType<object>, io: 'input' | 'output'): JsonSchema {
  const schema: object = z.toJSONSchema(rules, { io, unrepresentable: 'any' });
  return schema as JsonSchema;
}

function ruleAt(schema: JsonSchema, path: readonly string[]): JsonSchema | undefined {
  return path.reduce<JsonSchema | undefined>((at, name) => {
    const properties = (at && withoutNull(at)['properties']) as Readonly<Record<string, JsonSchema>> | undefined;
    return properties?.[name];
  }, schema);
}

function alternatives(schema: JsonSchema): readonly JsonSchema[] {
  return (schema['anyOf'] as readonly JsonSchema[] | undefined) ?? [schema];
}

function withoutNull(schema: JsonSchema): JsonSchema {
  return alternatives(schema).find((alternative) => alternative['type'] !== 'null') ?? schema;
}

function allowsNull(schema: JsonSchema): boolean {
  return alternatives(schema).some(({ type }) => type === undefined || [type].flat().includes('null'));
}

const KEYWORDS = ['format', 'minLength', 'maxLength', 'pattern', 'minItems', 'maxItems', 'enum'] as const;

/** What is worth telling of a rule beyond the type. Zod bounds integers by what JavaScript can hold: that is no rule of ours. */
function keywordsOf(ruled: JsonSchema): JsonSchema {
  const schema = withoutNull(ruled);
  const bounds = (['minimum', 'maximum'] as const).filter(
    (name) => Math.abs(Number(schema[name])) < Number.MAX_SAFE_INTEGER,
  );
  return Object.fromEntries(
    [...KEYWORDS, ...bounds].flatMap((name): [string, unknown][] =>
      schema[name] === undefined ? [] : [[name, schema[name]]],
    ),
  );
}
