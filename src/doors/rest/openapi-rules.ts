import { getNullableType } from 'graphql';
import { z, type ZodType } from 'zod';
import type { JsonSchema } from '../../rest/json-schema.js';
import type { WireInput } from './input-plan.js';

/** The rule of an input, as JSON Schema. If an input takes any value and transforms it, zod has the rule in its output only. */
export function ruleOf(rules: ZodType<object>, path: readonly string[]): JsonSchema | undefined {
  const asInput = ruleAt(jsonSchemaOf(rules, 'input'), path);
  if (asInput === undefined || Object.keys(asInput).length > 0) return asInput;
  return ruleAt(jsonSchemaOf(rules, 'output'), path);
}

/** The fields that a rule names in free-form JSON. The JSON may have other fields, which the rule drops. */
export function shapeOf(rules: ZodType<object>, { type, argumentPath }: WireInput): JsonSchema | undefined {
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

export function allowsNull(schema: JsonSchema): boolean {
  return alternatives(schema).some(({ type }) => type === undefined || [type].flat().includes('null'));
}

const KEYWORDS = ['format', 'minLength', 'maxLength', 'pattern', 'minItems', 'maxItems', 'enum'] as const;

/** The constraints that a rule adds to the type. Zod bounds integers by JavaScript's safe range, which is left out. */
export function keywordsOf(ruled: JsonSchema): JsonSchema {
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
