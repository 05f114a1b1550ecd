import {
  Kind,
  TypeInfo,
  execute,
  isNonNullType,
  visit,
  visitWithTypeInfo,
  type DocumentNode,
  type ExecutionResult,
  type GraphQLSchema,
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
 * Compiling takes 0.2 to 9 ms, as much as some dozen interpreted runs of the same document: only what comes again is worth it.
 */
const COMPILE_AFTER = 3;

/**
 * graphql-jit 0.8 answers otherwise than graphql-js for a variable of a non-null type with a default value (it refuses the
 * request without it), for variables inside a list or object literal (unset ones become null), and for null from a nullable
 * variable where a non-null type has a default (its error does not say what it is).
 */
function isUnsafeToCompile(schema: GraphQLSchema, document: DocumentNode): boolean {
  const variables = document.definitions.flatMap((definition) =>
    definition.kind === Kind.OPERATION_DEFINITION ? (definition.variableDefinitions ?? []) : [],
  );
  const nullable = new Set<string>();
  for (const { variable, type, defaultValue } of variables) {
    if (type.kind !== Kind.NON_NULL_TYPE) nullable.add(variable.name.value);
    else if (defaultValue !== undefined) return true;
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
  visit(
    document,
    visitWithTypeInfo(types, {
      // What is inside is no use of a variable.
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

/** Interprets the operation on its first runs, then compiles it; keeps interpreting what cannot be compiled faithfully. */
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

function compile(
  schema: GraphQLSchema,
  document: DocumentNode,
  operationName: string | undefined,
): Executor | undefined {
  if (isUnsafeToCompile(schema, document)) return undefined;
  const compiled = compileQuery(schema, document, operationName);
  if (!isCompiledQuery(compiled)) return undefined;
  return ({ rootValue, contextValue, variables }) => compiled.query(rootValue, contextValue, variables);
}
