import {
  coerceInputValue,
  isInputType,
  isNonNullType,
  typeFromAST,
  type GraphQLError,
  type GraphQLSchema,
  type OperationDefinitionNode,
  type VariableDefinitionNode,
} from 'graphql';
import { Refusal } from './refusal.js';

type Variables = Readonly<Record<string, unknown>>;

/**
 * What graphql-js's `getVariableValues` does with variables that are all there and fit, without finding their types anew for each request.
 * @returns undefined where any is left out, null or wrong: that function is to say what this means
 */
export function fittingVariables(
  schema: GraphQLSchema,
  definitions: readonly VariableDefinitionNode[],
): (variables: Variables) => Record<string, unknown> | undefined {
  const expected = definitions.flatMap(({ variable, type: node }) => {
    const type = typeFromAST(schema, node);
    return isInputType(type) ? [{ name: variable.name.value, type }] : [];
  });
  if (expected.length < definitions.length) return () => undefined;
  return (variables) => {
    const coerced: Record<string, unknown> = {};
    try {
      for (const { name, type } of expected) {
        if (!Object.hasOwn(variables, name) || variables[name] == null) return undefined;
        coerced[name] = coerceInputValue(variables[name], type);
      }
    } catch {
      return undefined;
    }
    return coerced;
  };
}

interface Fault {
  readonly field: string;
  readonly message: string;
}

/** graphql-js reports these two errors at the object, and names the field in the message only. */
const FIELD_IN_MESSAGE = /^Field "(\w+)" (?:of required type|is not defined by type)/;

/** Maximum faults in an answer: a list of a thousand wrong values does not need a thousand messages. */
const MAX_FAULTS = 50;

function faultAt(path: readonly (string | number)[], error: GraphQLError): Fault {
  const name = FIELD_IN_MESSAGE.exec(error.message)?.[1];
  return { field: [...path, ...(name === undefined ? [] : [name])].join('.'), message: error.message };
}

/**
 * One refusal for all variables that do not fit the operation's types: the message states the first fault, `extensions.errors`
 * all of them by their dotted path (`input.email`). Undefined when all variables fit.
 * @param suggests whether messages propose names that are like a wrong one
 */
export function refuseVariables(
  schema: GraphQLSchema,
  operation: OperationDefinitionNode,
  variables: Variables,
  suggests = true,
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
      const note: Parameters<typeof coerceInputValue>[2] = (path, _value, error) => {
        faults.push(faultAt([name, ...path], error));
      };
      coerceInputValue(value, type, note, !suggests);
    }
  }
  const [first] = faults;
  if (first === undefined) return undefined;
  const message = `Variable "$${first.field}": ${first.message}`;
  return new Refusal(message, 'BAD_USER_INPUT', { details: { errors: faults.slice(0, MAX_FAULTS) } });
}
