import {
  getNullableType,
  isEnumType,
  isInputObjectType,
  isListType,
  isNonNullType,
  isObjectType,
  type GraphQLInputType,
  type GraphQLOutputType,
} from 'graphql';
import type { ZodType } from 'zod';
import type { JsonSchema } from '../../rest/json-schema.js';
import type { WireInput } from './input-plan.js';
import { describedSchema, type SofaSchemas } from './openapi-base.js';
import { allowsNull, keywordsOf, ruleOf, shapeOf } from './openapi-rules.js';
import { toSnakeCase } from './wire-names.js';

const UUID: JsonSchema = { type: 'string', format: 'uuid' };
const TEXT: JsonSchema = { type: 'string' };

function nullable(schema: JsonSchema): JsonSchema {
  const { type, enum: values } = schema;
  if (type === undefined && schema['$ref'] === undefined) return schema;
  if (typeof type !== 'string') return { anyOf: [schema, { type: 'null' }] };
  return { ...schema, type: [type, 'null'], ...(Array.isArray(values) && { enum: [...(values as unknown[]), null] }) };
}

/** SOFA's schema of an output type of the view, with nulls, UUIDs and the names of enumerations added. */
export function outputSchema(base: JsonSchema, type: GraphQLOutputType): JsonSchema {
  if (!isNonNullType(type)) return nullable(presentSchema(base, type));
  return presentSchema(base, type.ofType);
}

function presentSchema(base: JsonSchema, type: GraphQLOutputType): JsonSchema {
  if (isListType(type)) return { ...base, items: outputSchema(base['items'] as JsonSchema, type.ofType) };
  if (isEnumType(type)) return { title: type.name, ...base };
  return String(type) === 'ID' ? UUID : base;
}

/** The component schema of an object type of the view. Every field is required, since nulls are sent too. */
export function objectSchema(schemas: SofaSchemas, type: GraphQLOutputType): JsonSchema {
  const base = isObjectType(type) ? schemas[type.name] : undefined;
  if (base === undefined || !isObjectType(type)) throw new Error(`SOFA describes no object type ${String(type)}`);
  const fields = type.getFields();
  return {
    type: 'object',
    ...(base.description && { description: base.description }),
    required: Object.keys(base.properties),
    properties: mapProperties(base.properties, (schema, name) => {
      const field = fields[name];
      if (field === undefined) return schema;
      return { ...outputSchema(schema, field.type), ...(field.extensions['schema'] as JsonSchema | undefined) };
    }),
    additionalProperties: false,
  };
}

/** Refines the schema of each property. */
function mapProperties(
  properties: Readonly<Record<string, JsonSchema>>,
  refine: (schema: JsonSchema, name: string) => JsonSchema,
): Record<string, JsonSchema> {
  return Object.fromEntries(
    Object.entries(properties).map(([name, property]) => {
      const { schema, description } = describedSchema(property);
      return [name, described(refine(schema, name), description)];
    }),
  );
}

export function described(schema: JsonSchema, description: string | undefined): JsonSchema {
  return description === undefined ? schema : { ...schema, description };
}

/** SOFA's schema of an input, with the constraints of the operation's rules. */
export function inputSchema(
  base: JsonSchema,
  input: WireInput,
  rules: ZodType<object> | undefined,
  schemas: SofaSchemas,
): JsonSchema {
  const ruled = rules && ruleOf(rules, input.argumentPath);
  const shape = rules && shapeOf(rules, input);
  const present = {
    ...typeSchema(base, input.type, input.variable, schemas),
    ...(ruled && keywordsOf(ruled)),
    ...shape,
    ...input.schema,
  };
  const fallback = input.fallback === undefined || input.fallback === '' ? {} : { default: input.fallback };
  const takesNull = input.in === 'body' && !isNonNullType(input.type) && (ruled === undefined || allowsNull(ruled));
  return { ...(takesNull ? nullable(present) : present), ...fallback };
}

function typeSchema(base: JsonSchema, type: GraphQLInputType, name: string, schemas: SofaSchemas): JsonSchema {
  const present = getNullableType(type);
  if (isListType(present)) {
    return { ...base, items: itemSchema(base['items'] as JsonSchema, present.ofType, name, schemas) };
  }
  if (isInputObjectType(present)) {
    const fields = Object.values(present.getFields());
    const typeOf = new Map(fields.map((field) => [toSnakeCase(field.name), field.type]));
    return {
      type: 'object',
      required: fields
        .filter((field) => isNonNullType(field.type) && field.defaultValue === undefined)
        .map((field) => toSnakeCase(field.name)),
      properties: mapProperties(schemas[present.name]?.properties ?? {}, (schema, property) => {
        const fieldType = typeOf.get(property);
        return fieldType === undefined ? schema : itemSchema(schema, fieldType, property, schemas);
      }),
      additionalProperties: false,
    };
  }
  if (isEnumType(present)) return { title: present.name, ...base };
  // An ID whose name does not end in `id` is a name, such as a plan's.
  if (String(present) === 'ID') return /(^|_)ids?$/.test(name) ? UUID : TEXT;
  return String(present) === 'String' ? TEXT : base;
}

function itemSchema(base: JsonSchema, type: GraphQLInputType, name: string, schemas: SofaSchemas): JsonSchema {
  const schema = typeSchema(base, type, name, schemas);
  return isNonNullType(type) ? schema : nullable(schema);
}
