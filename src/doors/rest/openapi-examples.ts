import {
  getNullableType,
  isEnumType,
  isInputObjectType,
  isListType,
  isObjectType,
  type GraphQLInputType,
  type GraphQLOutputType,
} from 'graphql';
import type { WireInput } from './input-plan.js';
import { toSnakeCase } from './wire-names.js';

type Examples = Readonly<Record<string, unknown>>;

const UUID = '01890a5d-ac96-774b-bcce-b302099a8057';

const SCALARS: Examples = {
  ID: UUID,
  String: 'text',
  Int: 1,
  Float: 1.5,
  Boolean: true,
  DateTime: '2026-01-31T12:00:00.000Z',
  Date: '2026-01-31',
  JSONObject: {},
};

/** An example value of an output type of the view. `examples` are by field name or, where types differ, by `Type.name`. */
export function exampleOf(type: GraphQLOutputType, examples: Examples): unknown {
  const present = getNullableType(type);
  if (isListType(present)) return [exampleOf(present.ofType, examples)];
  if (isEnumType(present)) return present.getValues()[0]?.name;
  if (!isObjectType(present)) return SCALARS[String(present)] ?? null;
  return Object.fromEntries(
    Object.values(present.getFields()).map((field) => {
      const name = [`${present.name}.${field.name}`, field.name].find((key) => Object.hasOwn(examples, key));
      return [field.name, name === undefined ? exampleOf(field.type, examples) : examples[name]];
    }),
  );
}

/** An example value of an input. `examples` are by field name or, where operations differ, by `operationId.name`. */
export function inputExample(input: WireInput, operationId: string, examples: Examples): unknown {
  const key = [`${operationId}.${input.name}`, input.name].find((name) => Object.hasOwn(examples, name));
  return key === undefined ? inputTypeExample(input.type) : examples[key];
}

function inputTypeExample(type: GraphQLInputType): unknown {
  const present = getNullableType(type);
  if (isListType(present)) return [inputTypeExample(present.ofType)];
  if (isEnumType(present)) return present.getValues()[0]?.name;
  if (!isInputObjectType(present)) return SCALARS[String(present)] ?? null;
  return Object.fromEntries(
    Object.values(present.getFields()).map((field) => [toSnakeCase(field.name), inputTypeExample(field.type)]),
  );
}
