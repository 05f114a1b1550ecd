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
 * Compiling takes 0.2 to 9 ms, as much as some dozen interpreted runs of the same document: only what comes again is worth it.
 */
const COMPILE_AFTER = 3;
/** As many as graphql-js's `execute` reports. */
const MAX_VARIABLE_ERRORS = 50;

/**
 * graphql-jit 0.8 answers otherwise than graphql-js for variables inside a list or object literal (unset ones become null),
 * for null from a nullable variable
 * where a non-null type has a default (its error does not say what it is), and for names that
 * every object inherits, such as `toString` (it looks them up in plain objects). What it makes of variables' values does not
 * matter: it gets them from graphql-js, see {@link compile}.
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

/** Passes on values that are coerced already. */
const COERCED = new GraphQLScalarType({ name: '__CoercedVariable', parseValue: (value) => value });
const coercedType: NamedTypeNode = { kind: Kind.NAMED_TYPE, name: { kind: Kind.NAME, value: COERCED.name } };

/** The same schema and one more type. A schema is only ever read here, so that one copy of each is enough. */
const schemasWithCoerced = new WeakMap<GraphQLSchema, GraphQLSchema>();

function withCoercedType(schema: GraphQLSchema): GraphQLSchema {
  const known = schemasWithCoerced.get(schema);
  if (known !== undefined) return known;
  const config = schema.toConfig();
  const extended = new GraphQLSchema({ ...config, types: [...config.types, COERCED], assumeValid: true });
  schemasWithCoerced.set(schema, extended);
  return extended;
}

/** The document with every variable of a type that graphql-jit leaves as it is. */
function withCoercedVariables(document: DocumentNode): DocumentNode {
  return visit(document, {
    VariableDefinition: ({ kind, variable }) => ({ kind, variable, type: coercedType }),
  });
}

/**
 * graphql-jit's own reading of variables differs from graphql-js's (defaults of custom scalars, for one): graphql-js reads
 * them, as for an interpreted run, and refuses them in the same words.
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
    return errors === undefined ? compiled.query(rootValue, contextValue, coerced) : { errors };
  };
}
