import {
  GraphQLList,
  GraphQLNonNull,
  Kind,
  defaultFieldResolver,
  execute,
  getNullableType,
  isListType,
  isNonNullType,
  visit,
  BREAK,
  type DocumentNode,
  type ExecutionResult,
  type GraphQLOutputType,
  type GraphQLSchema,
  type OperationDefinitionNode,
} from 'graphql';
import type { Executor } from './executor.js';
import { orderErrors } from './error-order.js';
import { copySchema } from './schema-copy.js';

/** Each schema with output types that may all be null. Schemas are only read here, so one copy of each is enough. */
const lenientSchemas = new WeakMap<GraphQLSchema, GraphQLSchema>();

/**
 * With a schema's own types, graphql-js stops at the first error of a non-null field, and does not listen to the errors of
 * fields beside it. With these, every field runs to its end, and {@link orderErrors} puts the nulls in their places. The fields
 * of Mutation keep their types, since one that fails keeps those after it from being called.
 */
function lenient(schema: GraphQLSchema): GraphQLSchema {
  const known = lenientSchemas.get(schema);
  if (known !== undefined) return known;
  const mutation = schema.getMutationType();
  const copy = copySchema(schema, (field, name, parent) => {
    const { type, resolve = defaultFieldResolver } = field;
    const nullable = withoutNonNull(type);
    if (String(nullable) === String(type)) return field;
    const missing = () => new Error(`Cannot return null for non-nullable field ${parent.name}.${name}.`);
    return {
      ...field,
      type: parent === mutation && isNonNullType(type) ? new GraphQLNonNull(nullable) : nullable,
      resolve: (source, args, context, info) => demand(resolve(source, args, context, info), type, missing),
    };
  });
  lenientSchemas.set(schema, copy);
  return copy;
}

type Nullable = Exclude<GraphQLOutputType, GraphQLNonNull<never>>;

function withoutNonNull(type: GraphQLOutputType): Nullable {
  const nullable = getNullableType(type) as Nullable;
  return isListType(nullable) ? new GraphQLList(withoutNonNull(nullable.ofType)) : nullable;
}

/** The value, with an error in each place that must not be null and is; graphql-js reports an error found in a value. */
function demand(value: unknown, type: GraphQLOutputType, missing: () => Error): unknown {
  if (isPromise(value)) return value.then((settled) => demand(settled, type, missing));
  if (value == null) return isNonNullType(type) ? missing() : value;
  const nullable = getNullableType(type);
  if (!isListType(nullable) || !isIterable(value)) return value;
  const item: GraphQLOutputType = nullable.ofType;
  return Array.from(value, (each) => demand(each, item, missing));
}

const isPromise = (value: unknown): value is PromiseLike<unknown> =>
  typeof value === 'object' && value !== null && 'then' in value && typeof value.then === 'function';

const isIterable = (value: unknown): value is Iterable<unknown> =>
  typeof value === 'object' && value !== null && Symbol.iterator in value && !(value instanceof Error);

/** Whether the document asks for the schema, which the answer must describe as it is. */
export function asksForSchema(document: DocumentNode): boolean {
  let asks = false;
  visit(document, {
    Field({ name }) {
      if (name.value !== '__schema' && name.value !== '__type') return undefined;
      asks = true;
      return BREAK;
    },
    [Kind.VARIABLE_DEFINITION]: () => false,
  });
  return asks;
}

/** Runs the operation with graphql-js. */
export function interpreter(
  schema: GraphQLSchema,
  document: DocumentNode,
  operation: OperationDefinitionNode,
): Executor {
  const runSchema = asksForSchema(document) ? schema : lenient(schema);
  const operationName = operation.name?.value;
  return ({ rootValue, contextValue, variables }) => {
    const ordered = (result: ExecutionResult) => orderErrors(result, schema, document, operation, variables);
    const result = execute({
      schema: runSchema,
      document,
      operationName,
      rootValue,
      contextValue,
      variableValues: variables,
    });
    return result instanceof Promise ? result.then(ordered) : ordered(result);
  };
}
