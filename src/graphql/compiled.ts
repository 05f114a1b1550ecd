import {
  GraphQLScalarType,
  GraphQLSchema,
  Kind,
  TypeInfo,
  execute,
  getOperationAST,
  getVariableValues,
  isNonNullType,
  visit,
  visitWithTypeInfo,
  type DocumentNode,
  type ExecutionResult,
  type NamedTypeNode,
} from 'graphql';
import { compileQuery, isCompiledQuery } from 'graphql-jit';

type MaybePromise<Value> = Value | Promise<Value>;

export interface ExecutionInput {
  readonly rootValue: unknown;
  readonly contextValue: unknown;
  readonly variables: Readonly<Record<string, unknown>>;
}

/** Executes one operation of a valid document. */
export type Executor = (input: ExecutionInput) => MaybePromise<ExecutionResult>;

/**
 * Runs before compiling. Compiling takes 0.2 to 9 ms, as much as about a dozen interpreted runs, so it pays off only for
 * documents that recur.
 */
const COMPILE_AFTER = 3;
/** The same limit as in graphql-js's `execute`. */
const MAX_VARIABLE_ERRORS = 50;

/**
 * Whether graphql-jit 0.8 would answer differently from graphql-js. It does for variables inside a list or object literal
 * (unset ones become null), for null from a nullable variable where a non-null type has a default (the error does not say what
 * it is), and for names that every object inherits, such as `toString` (it looks them up in plain objects). Its coercion of
 * variables does not matter, since graphql-js does that: see {@link compile}.
 */
function isUnsafeToCompile(schema: GraphQLSchema, document: DocumentNode): boolean {
  const variables = document.definitions.flatMap((definition) =>
    definition.kind === Kind.OPERATION_DEFINITION ? (definition.variableDefinitions ?? []) : [],
  );
  const nullable = new Set<string>();
  for (const { variable, type } of variables) {
    if (type.kind !== Kind.NON_NULL_TYPE) nullable.add(variable.name.value);
  }
  const types = new TypeInfo(schema);
  let isUnsafe = false;
  let literals = 0;
  const enterLiteral = {
    enter: () => {
      literals += 1;
    },
    leave: () => {
      literals -= 1;
    },
  };
  visit(document, {
    Name({ value }) {
      if (value in Object.prototype) isUnsafe = true;
    },
  });
  visit(
    document,
    visitWithTypeInfo(types, {
      // Skips definitions, which are not uses of a variable.
      VariableDefinition: () => false,
      ObjectValue: enterLiteral,
      ListValue: enterLiteral,
      Variable({ name }) {
        if (literals > 0 || (nullable.has(name.value) && isNonNullType(types.getInputType()))) isUnsafe = true;
      },
    }),
  );
  return isUnsafe;
}

/** Interprets the operation on its first runs, then compiles it; keeps interpreting operations that are unsafe to compile. */
export function createExecutor(
  schema: GraphQLSchema,
  document: DocumentNode,
  operationName: string | undefined,
): Executor {
  const interpret: Executor = ({ rootValue, contextValue, variables }) =>
    execute({ schema, document, operationName, rootValue, contextValue, variableValues: variables });
  let executor: Executor = interpret;
  let runs = 0;
  return (input) => {
    runs += 1;
    if (runs === COMPILE_AFTER + 1) executor = compile(schema, document, operationName) ?? interpret;
    return executor(input);
  };
}

/** Passes on values that are already coerced. */
const COERCED = new GraphQLScalarType({ name: '__CoercedVariable', parseValue: (value) => value });
const coercedType: NamedTypeNode = { kind: Kind.NAMED_TYPE, name: { kind: Kind.NAME, value: COERCED.name } };

/** Each schema with the type COERCED added. Schemas are only read here, so one copy of each is enough. */
const schemasWithCoerced = new WeakMap<GraphQLSchema, GraphQLSchema>();

function withCoercedType(schema: GraphQLSchema): GraphQLSchema {
  const known = schemasWithCoerced.get(schema);
  if (known !== undefined) return known;
  const config = schema.toConfig();
  const extended = new GraphQLSchema({ ...config, types: [...config.types, COERCED], assumeValid: true });
  schemasWithCoerced.set(schema, extended);
  return extended;
}

/** The document with all variables of the type COERCED, which graphql-jit leaves unchanged. */
function withCoercedVariables(document: DocumentNode): DocumentNode {
  return visit(document, {
    VariableDefinition: ({ kind, variable }) => ({ kind, variable, type: coercedType }),
  });
}

/**
 * Compiles the operation, but leaves the coercion of variables to graphql-js, with the same errors as for an interpreted run:
 * graphql-jit's differs, for example for defaults of custom scalars.
 */
function compile(
  schema: GraphQLSchema,
  document: DocumentNode,
  operationName: string | undefined,
): Executor | undefined {
  const operation = getOperationAST(document, operationName);
  if (operation == null || isUnsafeToCompile(schema, document)) return undefined;
  const compiled = compileQuery(withCoercedType(schema), withCoercedVariables(document), operationName);
  if (!isCompiledQuery(compiled)) return undefined;
  const definitions = operation.variableDefinitions ?? [];
  return ({ rootValue, contextValue, variables }) => {
    const { errors, coerced } = getVariableValues(schema, definitions, variables, { maxErrors: MAX_VARIABLE_ERRORS });
    if (errors !== undefined) return { errors };
    const result = compiled.query(rootValue, contextValue, coerced);
    return result instanceof Promise ? result.then(errorsFirst) : errorsFirst(result);
  };
}

/** Some doors write a result as it is: its keys come in graphql-js's order, and not with the data first. */
function errorsFirst(result: ExecutionResult): ExecutionResult {
  return result.errors === undefined ? result : { errors: result.errors, ...result };
}
