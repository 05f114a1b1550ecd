import {
  coerceInputValue,
  isInputType,
  isNonNullType,
  typeFromAST,
  type GraphQLError,
  type GraphQLSchema,
  type OperationDefinitionNode,
} from 'graphql';
import { Refusal } from './refusal.js';

interface Fault {
  readonly field: string;
  readonly message: string;
}

/** graphql-js reports these two at the object and names the field in the message alone. */
const FIELD_IN_MESSAGE = /^Field "(\w+)" (?:of required type|is not defined by type)/;

/** At most this many faults are told: a list of a thousand wrong values needs no thousand messages. */
const MAX_FAULTS = 50;

function faultAt(path: readonly (string | number)[], error: GraphQLError): Fault {
  const name = FIELD_IN_MESSAGE.exec(error.message)?.[1];
  return { field: [...path, ...(name === undefined ? [] : [name])].join('.'), message: error.message };
}

/**
 * Every variable that the operation's types do not take, as one refusal: the message tells the first fault,
 * `extensions.errors` all of them by their dotted path (`input.email`). Undefined when all are fine.
 */
export function refuseVariables(
  schema: GraphQLSchema,
  operation: OperationDefinitionNode,
  variables: Readonly<Record<string, unknown>>,
): Refusal | undefined {
  const faults: Fault[] = [];
  for (const definition of operation.variableDefinitions ?? []) {
    const name = definition.variable.name.value;
    const type = typeFromAST(schema, definition.type);
    if (!isInputType(type)) continue;
    const value = Object.hasOwn(variables, name) ? variables[name] : undefined;
    if (value === undefined) {
      if (isNonNullType(type) && definition.defaultValue === undefined) {
        faults.push({ field: name, message: `is required: its type is "${String(type)}"` });
      }
    } else {
      coerceInputValue(value, type, (path, _value, error) => {
        faults.push(faultAt([name, ...path], error));
      });
    }
  }
  const [first] = faults;
  if (first === undefined) return undefined;
  const message = `Variable "$${first.field}": ${first.message}`;
  return new Refusal(message, 'BAD_USER_INPUT', { details: { errors: faults.slice(0, MAX_FAULTS) } });
}
