import {
  GraphQLBoolean,
  GraphQLFloat,
  GraphQLID,
  GraphQLInt,
  GraphQLString,
  getNullableType,
  isEnumType,
  isInputObjectType,
  isListType,
  isNonNullType,
  type GraphQLEnumType,
  type GraphQLInputObjectType,
  type GraphQLInputType,
  type GraphQLScalarType,
} from 'graphql';
import type { Fault } from '../../kernel/errors.js';
import { toSnakeCase } from './wire-names.js';

/**
 * Checks a JSON value against an input type, strictly: nothing is converted. Adds every fault to `faults`, under the client's
 * field names, and returns whether the value has none.
 */
export type JsonCheck = (value: unknown, field: string, faults: Fault[]) => boolean;

/** Reads all values of a repeatable text parameter as a value of an input type; undefined when there are faults. */
export type TextReader = (texts: readonly string[], field: string, faults: Fault[]) => unknown;

const MIN_INT = -(2 ** 31);
const MAX_INT = 2 ** 31 - 1;

const SCALAR_FAULTS: Readonly<Record<string, string>> = {
  JSONObject: 'must be an object',
  DateTime: 'must be a date and time in RFC 3339, as 2026-01-31T12:00:00Z',
  Date: 'must be a date, as 2026-01-31',
};

function fault(faults: Fault[], field: string, message: string): false {
  faults.push({ field, message });
  return false;
}

/** Makes the check of a type. It is made once, and used for many values. */
export function jsonCheck(type: GraphQLInputType): JsonCheck {
  if (isNonNullType(type)) {
    const check = jsonCheck(type.ofType);
    return (value, field, faults) =>
      value === null ? fault(faults, field, 'must not be null') : check(value, field, faults);
  }
  const check = isListType(type)
    ? listCheck(type.ofType)
    : isInputObjectType(type)
      ? objectCheck(type)
      : isEnumType(type)
        ? enumCheck(type)
        : scalarCheck(type);
  return (value, field, faults) => value === null || check(value, field, faults);
}

function listCheck(itemType: GraphQLInputType): JsonCheck {
  const check = jsonCheck(itemType);
  return (value, field, faults) =>
    Array.isArray(value)
      ? value.map((item, index) => check(item, `${field}.${index}`, faults)).every(Boolean)
      : fault(faults, field, 'must be a list');
}

function objectCheck(type: GraphQLInputObjectType): JsonCheck {
  const checks = new Map(
    Object.values(type.getFields()).map((field) => [
      toSnakeCase(field.name),
      { check: jsonCheck(field.type), required: isNonNullType(field.type) && field.defaultValue === undefined },
    ]),
  );
  return (value, field, faults) => {
    if (!isJsonObject(value)) return fault(faults, field, 'must be an object');
    const before = faults.length;
    for (const name of Object.keys(value)) {
      if (!checks.has(name)) fault(faults, `${field}.${name}`, 'is not a known field');
    }
    for (const [name, { check, required }] of checks) {
      if (Object.hasOwn(value, name)) check(value[name], `${field}.${name}`, faults);
      else if (required) fault(faults, `${field}.${name}`, 'is required');
    }
    return faults.length === before;
  };
}

/**
 * Makes a function that copies a JSON value without the fields of input objects that the type does not have, at any depth;
 * undefined for a type without input objects. Free-form JSON, and what does not fit the type, stays as it is.
 */
export function withoutUnknown(type: GraphQLInputType): ((value: unknown) => unknown) | undefined {
  const present = getNullableType(type);
  if (isListType(present)) {
    const item = withoutUnknown(present.ofType);
    return item && ((value) => (Array.isArray(value) ? value.map(item) : value));
  }
  if (!isInputObjectType(present)) return undefined;
  const fields = Object.values(present.getFields()).map(
    (field) => [toSnakeCase(field.name), withoutUnknown(field.type)] as const,
  );
  return (value) =>
    isJsonObject(value)
      ? Object.fromEntries(
          fields.flatMap(([name, known]) =>
            Object.hasOwn(value, name) ? [[name, known === undefined ? value[name] : known(value[name])]] : [],
          ),
        )
      : value;
}

function enumCheck(type: GraphQLEnumType): JsonCheck {
  const names = type.getValues().map((value) => value.name);
  return (value, field, faults) =>
    (typeof value === 'string' && names.includes(value)) || fault(faults, field, `must be one of ${names.join(', ')}`);
}

function scalarCheck(type: GraphQLScalarType): JsonCheck {
  switch (type.name) {
    case GraphQLString.name:
    case GraphQLID.name:
      return (value, field, faults) => typeof value === 'string' || fault(faults, field, 'must be a string');
    case GraphQLBoolean.name:
      return (value, field, faults) => typeof value === 'boolean' || fault(faults, field, 'must be true or false');
    case GraphQLFloat.name:
      return (value, field, faults) => Number.isFinite(value) || fault(faults, field, 'must be a number');
    case GraphQLInt.name:
      return (value, field, faults) =>
        !Number.isInteger(value)
          ? fault(faults, field, 'must be an integer')
          : (Number(value) >= MIN_INT && Number(value) <= MAX_INT) ||
            fault(faults, field, `must be from ${MIN_INT} to ${MAX_INT}`);
    default:
      return customScalarCheck(type);
  }
}

function customScalarCheck(type: GraphQLScalarType): JsonCheck {
  const message = SCALAR_FAULTS[type.name] ?? `is not a valid ${type.name}`;
  return (value, field, faults) => {
    try {
      type.parseValue(value);
      return true;
    } catch {
      return fault(faults, field, message);
    }
  };
}

/** Makes the reader of a type. It is made once. Booleans are the words of {@link BOOLEANS}; integers are plain decimals. */
export function textReader(type: GraphQLInputType): TextReader {
  if (isNonNullType(type)) return textReader(type.ofType);
  if (isListType(type)) {
    const readItem = textReader(type.ofType);
    return (texts, field, faults) => texts.map((text, index) => readItem([text], `${field}.${index}`, faults));
  }
  const check = jsonCheck(type);
  const toJson = textConversion(type);
  return (texts, field, faults) => {
    if (texts.length > 1) return void fault(faults, field, 'must be given once');
    const text = texts[0] ?? '';
    const value = toJson(text);
    return check(value, field, faults) ? value : undefined;
  };
}

/** Clients write booleans as their languages do, such as Python's `True`. */
const BOOLEANS: ReadonlyMap<string, boolean> = new Map([
  ...['true', '1', 'yes', 'on'].map((word) => [word, true] as const),
  ...['false', '0', 'no', 'off'].map((word) => [word, false] as const),
]);

function textConversion(type: GraphQLInputType): (text: string) => unknown {
  if (type === GraphQLBoolean) {
    return (text) => BOOLEANS.get(text.toLowerCase()) ?? text;
  }
  if (type === GraphQLInt) return (text) => (/^(0|-?[1-9][0-9]*)$/.test(text) ? Number(text) : text);
  if (type === GraphQLFloat) return (text) => (/^-?[0-9]+(\.[0-9]+)?$/.test(text) ? Number(text) : text);
  return (text) => text;
}

export function isJsonObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
