import {
  getNullableType,
  isInputObjectType,
  isListType,
  isNonNullType,
  type GraphQLArgument,
  type GraphQLField,
  type GraphQLInputField,
  type GraphQLInputObjectType,
  type GraphQLInputType,
} from 'graphql';
import type { JsonSchema } from '../../rest/json-schema.js';
import type { ParameterOptions, RestSource } from '../../rest/sources.js';
import { toSnakeCase, toVariableName } from './wire-names.js';

/** A root field of the main schema. */
type RootField = Pick<GraphQLField<unknown, unknown>, 'name' | 'args'>;
type Slot = GraphQLArgument | GraphQLInputField;

/** One input of an operation: where it is in the request, the view's argument that takes it, and the main schema's argument. */
export interface WireInput {
  readonly in: 'path' | 'query' | 'header' | 'cookie' | 'body' | 'file' | 'if-match';
  /** The client's name for it: `phone_number`, `X-Refresh-Token`. */
  readonly name: string;
  /** The name of the view's argument. */
  readonly variable: string;
  /** The main schema's argument and, for a field of an input object, the field: `['input', 'phoneNumber']`. */
  readonly argumentPath: readonly string[];
  readonly type: GraphQLInputType;
  readonly required: boolean;
  /** The value when the client sends none; undefined without a default. */
  readonly fallback: unknown;
  /** A header that takes precedence over the query parameter, or over the field of the body. */
  readonly header: string | undefined;
  readonly description: string | undefined;
  readonly schema: JsonSchema | undefined;
}

/** All inputs of an operation, derived once from its metadata. */
export interface InputPlan {
  readonly inputs: readonly WireInput[];
  /** Whether the operation reads a JSON body. */
  readonly hasBody: boolean;
  /** The part of a multipart body that the operation reads; at most one. */
  readonly file: WireInput | undefined;
  /** The name of the input type that is the body; undefined if the body has single arguments for fields. */
  readonly bodyType: string | undefined;
  /** Additions to the body's schema in the OpenAPI document. */
  readonly bodySchema: JsonSchema;
  /** Maps the view's arguments to the main schema's. */
  readonly toArguments: (viewArguments: Readonly<Record<string, unknown>>) => Record<string, unknown>;
  /** Maps the GraphQL path of a fault to the client's field name: `input.phoneNumber` -> `phone_number`. */
  readonly toWireField: (graphqlPath: string) => string;
}

/**
 * @throws Error when the metadata does not fit the field: a programming mistake, which prevents the start
 */
export function planInputs(field: RootField, sources: Readonly<Record<string, RestSource>>): InputPlan {
  const inputs: WireInput[] = [];
  const constants: { readonly path: readonly string[]; readonly value: unknown }[] = [];
  const bodySchema: Record<string, unknown> = {};
  let bodyType: string | undefined;
  for (const [key, source] of Object.entries(sources)) {
    const argumentPath = key.split('.');
    const slot = findSlot(field, argumentPath);
    if (source.in === 'constant') {
      constants.push({ path: argumentPath, value: source.value });
    } else if (source.in === 'body') {
      Object.assign(bodySchema, source.schema);
      const type = getNullableType(slot.type);
      if (isInputObjectType(type)) bodyType = type.name;
      inputs.push(...bodyInputs(argumentPath, slot, source, sources));
    } else if (source.in === 'if-match') {
      inputs.push(parameterInput(argumentPath, slot, { in: 'if-match', name: 'If-Match', ...IF_MATCH }));
    } else {
      inputs.push(parameterInput(argumentPath, slot, source));
    }
  }
  const names = inputs.map((input) => input.variable);
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice !== undefined) throw new Error(`${field.name}: two values of its REST route are called ${twice}`);
  return {
    inputs,
    file: inputs.find((input) => input.in === 'file'),
    hasBody: Object.values(sources).some((source) => source.in === 'body'),
    bodyType,
    bodySchema,
    toArguments: argumentsBuilder(field, inputs, constants),
    toWireField: fieldTranslator(inputs),
  };
}

function findSlot(field: RootField, [name, ...rest]: readonly string[]): Slot {
  let slot: Slot | undefined = field.args.find((argument) => argument.name === name);
  for (const part of rest) {
    const type: GraphQLInputType | undefined = slot && getNullableType(slot.type);
    slot = isInputObjectType(type) ? type.getFields()[part] : undefined;
  }
  if (slot === undefined)
    throw new Error(`${field.name} has no argument ${[name, ...rest].join('.')} for its REST route`);
  return slot;
}

const IF_MATCH: ParameterOptions = {
  description:
    'The `ETag` that was read, or a list of them: anything else is 412. Weak ones match nothing; `*` matches all.',
};

function isRequired(slot: Slot): boolean {
  return isNonNullType(slot.type) && slot.defaultValue === undefined;
}

function parameterInput(
  argumentPath: readonly string[],
  slot: Slot,
  source:
    Extract<RestSource, { name: string }> | ({ readonly in: 'if-match'; readonly name: string } & ParameterOptions),
): WireInput {
  const options: ParameterOptions = source.in === 'file' ? {} : source;
  return {
    in: source.in,
    name: source.name,
    variable: toVariableName(source.name),
    argumentPath,
    type: slot.type,
    required: options.default === undefined && isRequired(slot),
    fallback: options.default,
    header: options.header,
    description: options.description ?? slot.description ?? undefined,
    schema: options.schema,
  };
}

function bodyInputs(
  argumentPath: readonly string[],
  slot: Slot,
  { omit, header }: Extract<RestSource, { in: 'body' }>,
  sources: Readonly<Record<string, RestSource>>,
): WireInput[] {
  const bodyInput = (path: readonly string[], of: Slot): WireInput => ({
    in: 'body',
    name: toSnakeCase(of.name),
    variable: toSnakeCase(of.name),
    argumentPath: path,
    type: of.type,
    required: isRequired(of),
    fallback: undefined,
    header,
    description: of.description ?? undefined,
    schema: undefined,
  });
  const type = getNullableType(slot.type);
  if (!isInputObjectType(type)) return [bodyInput(argumentPath, slot)];
  return Object.values(type.getFields())
    .filter((field) => !omit.includes(field.name) && !Object.hasOwn(sources, [...argumentPath, field.name].join('.')))
    .map((field) => bodyInput([...argumentPath, field.name], field));
}

/** Converts a value of the view to one of the main schema; undefined when both are the same, as they nearly always are. */
type Conversion = ((value: unknown) => unknown) | undefined;

function conversionOf(type: GraphQLInputType): Conversion {
  const nullable = getNullableType(type);
  if (isListType(nullable)) {
    const convert = conversionOf(nullable.ofType);
    return convert && ((value) => (Array.isArray(value) ? value.map((item) => convert(item)) : value));
  }
  if (!isInputObjectType(nullable)) return undefined;
  const fields = Object.values(nullable.getFields()).map((field) => ({
    name: field.name,
    wireName: toSnakeCase(field.name),
    fallback: field.defaultValue,
    convert: conversionOf(field.type),
  }));
  return (value) => {
    if (typeof value !== 'object' || value === null) return value;
    const source = value as Readonly<Record<string, unknown>>;
    const target: Record<string, unknown> = {};
    for (const { name, wireName, fallback, convert } of fields) {
      const given = source[wireName];
      const present = given === undefined ? fallback : convert ? convert(given) : given;
      if (present !== undefined) target[name] = present;
    }
    return target;
  };
}

function argumentsBuilder(
  field: RootField,
  inputs: readonly WireInput[],
  constants: readonly { readonly path: readonly string[]; readonly value: unknown }[],
): InputPlan['toArguments'] {
  const named = new Set([...inputs.map((input) => input.argumentPath[0]), ...constants.map(({ path }) => path[0])]);
  const defaults: { readonly path: readonly string[]; readonly value: unknown }[] = [];
  const objects: string[] = [];
  for (const argument of field.args) {
    const type = getNullableType(argument.type);
    if (named.has(argument.name) && isInputObjectType(type)) {
      objects.push(argument.name);
      defaults.push(...defaultsOf(argument.name, type));
    } else if (argument.defaultValue !== undefined) {
      defaults.push({ path: [argument.name], value: argument.defaultValue });
    }
  }
  const fixed = [...defaults, ...constants];
  const steps = inputs.map(({ variable, argumentPath, type }) => ({
    variable,
    argumentPath,
    convert: conversionOf(type),
  }));
  return (viewArguments) => {
    const target: Record<string, unknown> = {};
    for (const name of objects) target[name] = {};
    for (const { path, value } of fixed) put(target, path, value);
    for (const { variable, argumentPath, convert } of steps) {
      const value = viewArguments[variable];
      if (value !== undefined) put(target, argumentPath, convert ? convert(value) : value);
    }
    return target;
  };
}

function defaultsOf(argument: string, type: GraphQLInputObjectType) {
  return Object.values(type.getFields())
    .filter((field) => field.defaultValue !== undefined)
    .map((field) => ({ path: [argument, field.name], value: field.defaultValue }));
}

function put(target: Record<string, unknown>, path: readonly string[], value: unknown): void {
  let object = target;
  path.forEach((name, index) => {
    if (index === path.length - 1) object[name] = value;
    else object = (object[name] ??= {}) as Record<string, unknown>;
  });
}

function fieldTranslator(inputs: readonly WireInput[]): InputPlan['toWireField'] {
  const byPath = new Map(inputs.map((input) => [input.argumentPath.join('.'), input]));
  const byVariable = new Map(inputs.map((input) => [input.variable, input]));
  return (graphqlPath) => {
    const segments = graphqlPath.split('.');
    for (let length = segments.length; length > 0; length--) {
      const input = byPath.get(segments.slice(0, length).join('.'));
      if (input) return [input.name, ...wireSegments(input.type, segments.slice(length))].join('.');
    }
    // The pipeline reports the names of the view's variables, which are the client's names except for headers.
    const [first = '', ...rest] = segments;
    const input = byVariable.get(first);
    if (input) return [input.name, ...rest].join('.');
    return segments.length > 1 || !inputs.some(({ argumentPath }) => argumentPath[0] === first)
      ? segments.map(toSnakeCase).join('.')
      : 'body';
  };
}

/** Names inside an input object are in snake_case; names inside free-form JSON stay as the client sent them. */
function wireSegments(type: GraphQLInputType, [first, ...rest]: readonly string[]): string[] {
  if (first === undefined) return [];
  const nullable = getNullableType(type);
  if (isListType(nullable)) return [first, ...wireSegments(nullable.ofType, rest)];
  const field = isInputObjectType(nullable) ? nullable.getFields()[first] : undefined;
  return field ? [toSnakeCase(first), ...wireSegments(field.type, rest)] : [first, ...rest];
}
