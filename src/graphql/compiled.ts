import {
  GraphQLScalarType,
  Kind,
  OperationTypeNode,
  TypeInfo,
  getNullableType,
  getOperationAST,
  getVariableValues,
  isNonNullType,
  valueFromAST,
  visit,
  visitWithTypeInfo,
  type DocumentNode,
  type ExecutionResult,
  type FieldNode,
  type GraphQLArgument,
  GraphQLSchema,
  type NamedTypeNode,
  type OperationDefinitionNode,
  type ValueNode,
  type VariableDefinitionNode,
} from 'graphql';
import { compileQuery, isCompiledQuery } from 'graphql-jit';
import type { ExecutionInput, Executor } from './executor.js';
import { orderErrors, withMissingRoots } from './error-order.js';
import { asksForSchema, interpreter } from './interpreted.js';
import { copySchema } from './schema-copy.js';
import { fittingVariables } from './variables.js';
import { CannotWrite, WRITTEN, withWrittenLists, writtenField } from './written-lists.js';

/**
 * Runs before compiling. Compiling takes 0.2 to 9 ms, as much as about a dozen interpreted runs, so it pays off only for
 * documents that recur.
 */
const COMPILE_AFTER = 3;
/** The same limit as in graphql-js's `execute`. */
const MAX_VARIABLE_ERRORS = 50;
/** Answers in a row that could not be written, until an operation's lists are not tried to be for {@link RUNS_WITHOUT_TEXT}. */
const MOST_FAILURES = 10;
const RUNS_WITHOUT_TEXT = 1_000;
/** Variables that we put in the place of arguments: `__argument0` and so on. */
const ARGUMENT_PREFIX = '__argument';

/** Interprets the operation on its first runs, then compiles it; keeps interpreting operations that are unsafe to compile. */
export function createExecutor(
  schema: GraphQLSchema,
  document: DocumentNode,
  operation: OperationDefinitionNode,
): Executor {
  const interpret = interpreter(schema, document, operation);
  let executor: Executor = interpret;
  let runs = 0;
  return (input) => {
    runs += 1;
    if (runs === COMPILE_AFTER + 1) executor = compile(schema, document, operation, interpret) ?? interpret;
    return executor(input);
  };
}

/**
 * Whether graphql-jit 0.8 would answer differently from graphql-js. It does for
 * - names that every object inherits, such as `toString`, which it looks up in plain objects;
 * - null from a nullable variable where a non-null type has a default: the error does not say what it is;
 * - the schema itself, to which {@link compilable} adds a type;
 * - several fields of a mutation, of which it calls the others when one has failed;
 * - `@skip` and `@include` in a document with fragments or with a field that is selected twice: it keeps one condition of a field
 *   for all places where it is used;
 * - response keys that make one name of two paths: it mixes up what their resolvers are told.
 */
function isUnsafeToCompile(schema: GraphQLSchema, document: DocumentNode, operation: OperationDefinitionNode): boolean {
  if (asksForSchema(document)) return true;
  if (operation.operation === OperationTypeNode.MUTATION && !isOneField(operation)) return true;
  return hasUnsafeNames(schema, document) || hasUnsafeConditions(document) || hasUnsafeNulls(schema, document);
}

function isOneField({ selectionSet: { selections } }: OperationDefinitionNode): boolean {
  return selections.length === 1 && selections[0]?.kind === Kind.FIELD;
}

function hasUnsafeNames(schema: GraphQLSchema, document: DocumentNode): boolean {
  const names: string[] = [];
  const keys = new Set<string>();
  const parents = new Set<string>(Object.keys(schema.getTypeMap()));
  visit(document, {
    Name({ value }) {
      names.push(value);
    },
    Field({ alias, name, selectionSet }) {
      const key = alias?.value ?? name.value;
      keys.add(key);
      if (selectionSet !== undefined) parents.add(key);
    },
  });
  const isUnsafe = (name: string) => name in Object.prototype || name.startsWith(ARGUMENT_PREFIX);
  return names.some(isUnsafe) || [...keys].some((key) => isJoined(key, keys, parents));
}

/** Whether the key reads like those of a field and of its parents, joined by underscores. */
function isJoined(key: string, keys: ReadonlySet<string>, parents: ReadonlySet<string>): boolean {
  const parts = key.split('_');
  return parts.some((_part, end) => {
    if (end === 0 || !keys.has(parts.slice(0, end).join('_'))) return false;
    if (/^idx\d+$/.test(parts[end] ?? '')) return true;
    return parts.some((_other, last) => last >= end && parents.has(parts.slice(end, last + 1).join('_')));
  });
}

function hasUnsafeConditions(document: DocumentNode): boolean {
  const found = new Set<'condition' | 'fragment' | 'repeat'>();
  const isFragment = () => {
    found.add('fragment');
  };
  visit(document, {
    Directive({ name }) {
      if (name.value === 'skip' || name.value === 'include') found.add('condition');
    },
    FragmentSpread: isFragment,
    InlineFragment: isFragment,
    SelectionSet({ selections }) {
      const keys = selections.map((field) => (field.kind === Kind.FIELD ? (field.alias ?? field.name).value : ''));
      if (new Set(keys).size < keys.length) found.add('repeat');
    },
  });
  return found.has('condition') && (found.has('fragment') || found.has('repeat'));
}

function hasUnsafeNulls(schema: GraphQLSchema, document: DocumentNode): boolean {
  const nullable = new Set<string>();
  for (const definition of document.definitions) {
    if (definition.kind !== Kind.OPERATION_DEFINITION) continue;
    for (const { variable, type } of definition.variableDefinitions ?? []) {
      if (type.kind !== Kind.NON_NULL_TYPE) nullable.add(variable.name.value);
    }
  }
  const types = new TypeInfo(schema);
  let isUnsafe = false;
  visit(
    document,
    visitWithTypeInfo(types, {
      // Skips definitions, which are not uses of a variable.
      VariableDefinition: () => false,
      Variable({ name }) {
        if (nullable.has(name.value) && isNonNullType(types.getInputType())) isUnsafe = true;
      },
    }),
  );
  return isUnsafe;
}

/** Passes on values that are already coerced. */
const COERCED = new GraphQLScalarType({ name: '__CoercedVariable', parseValue: (value) => value });
const coercedType: NamedTypeNode = { kind: Kind.NAMED_TYPE, name: { kind: Kind.NAME, value: COERCED.name } };

/** Each schema as {@link compilable} changes it. Schemas are only read here, so one copy of each is enough. */
const compilableSchemas = new WeakMap<GraphQLSchema, GraphQLSchema>();

/**
 * The schema with the type COERCED, with fields that give lists as text, and with root fields that may be null: of several errors that
 * make all of `data` null, graphql-jit keeps the quickest only.
 */
function compilable(schema: GraphQLSchema): GraphQLSchema {
  const known = compilableSchemas.get(schema);
  if (known !== undefined) return known;
  const roots = new Set<unknown>([schema.getQueryType(), schema.getMutationType(), schema.getSubscriptionType()]);
  const change: Parameters<typeof copySchema>[1] = (field, _name, parent) =>
    roots.has(parent) ? { ...field, type: getNullableType(field.type) } : field;
  const copy = copySchema(schema, change, [COERCED, WRITTEN], writtenField);
  compilableSchemas.set(schema, copy);
  return copy;
}

/** An argument in the document, for which a variable stands in the compiled one. */
interface Hoisted {
  readonly variable: string;
  readonly value: ValueNode;
  readonly argument: GraphQLArgument;
}

/**
 * The document with a variable in the place of each argument's value, and all variables of the type COERCED. No text of a
 * client's gets into the code that graphql-jit writes: it turns some strings into code. Its coercion of literals and variables
 * differs from graphql-js's besides.
 */
function withHoistedArguments(schema: GraphQLSchema, document: DocumentNode) {
  const types = new TypeInfo(schema);
  const hoisted: Hoisted[] = [];
  const hoist = (node: FieldNode): FieldNode | undefined => {
    const known = types.getFieldDef()?.args ?? [];
    if (node.arguments === undefined || node.arguments.length === 0) return undefined;
    const hoistedArguments = node.arguments.map((given) => {
      const argument = known.find(({ name }) => name === given.name.value);
      if (argument === undefined) throw new Error(`The field ${node.name.value} has no argument ${given.name.value}`);
      const variable = `${ARGUMENT_PREFIX}${hoisted.length}`;
      hoisted.push({ variable, value: given.value, argument });
      return { ...given, value: variableNode(variable) };
    });
    return { ...node, arguments: hoistedArguments };
  };
  const withVariables: DocumentNode = visit(document, visitWithTypeInfo(types, { Field: { enter: hoist } }));
  const compiledDocument: DocumentNode = visit(withVariables, {
    OperationDefinition: (node) => ({
      ...node,
      variableDefinitions: [
        ...(node.variableDefinitions ?? []).map(({ variable }) => coercedDefinition(variable.name.value)),
        ...hoisted.map(({ variable }) => coercedDefinition(variable)),
      ],
    }),
  });
  return { document: compiledDocument, hoisted };
}

const variableNode = (name: string) => ({ kind: Kind.VARIABLE, name: { kind: Kind.NAME, value: name } }) as const;

const coercedDefinition = (name: string): VariableDefinitionNode => ({
  kind: Kind.VARIABLE_DEFINITION,
  variable: variableNode(name),
  type: coercedType,
});

/**
 * The variables with the values of the hoisted arguments. An argument that is left out has none.
 * @returns undefined when a value is invalid, which graphql-js shall tell
 */
function withArguments(
  hoisted: readonly Hoisted[],
  coerced: Readonly<Record<string, unknown>>,
): Record<string, unknown> | undefined {
  const values: Record<string, unknown> = { ...coerced };
  for (const { variable, value, argument } of hoisted) {
    const given = valueFromAST(value, argument.type, coerced);
    if (given !== undefined) values[variable] = given;
    else if (value.kind !== Kind.VARIABLE || Object.hasOwn(coerced, value.name.value)) return undefined;
    else if (argument.defaultValue !== undefined) values[variable] = argument.defaultValue;
  }
  return values;
}

/** Schemas whose query type is the mutation type of another one. */
const mutatingSchemas = new WeakMap<GraphQLSchema, GraphQLSchema>();

function mutating(schema: GraphQLSchema): GraphQLSchema {
  let found = mutatingSchemas.get(schema);
  if (found === undefined) {
    found = new GraphQLSchema({ ...schema.toConfig(), query: schema.getMutationType(), mutation: null });
    mutatingSchemas.set(schema, found);
  }
  return found;
}

/**
 * Compiles a mutation of one field as a query, which differs in nothing: for fields that wait for each other, graphql-jit makes
 * functions with each call that keep all that belongs to it until the whole heap is collected
 * ([decision 93](../../docs/decisions/0093-requests-are-forgotten-while-they-are-young.md)).
 */
function compileMutation(schema: GraphQLSchema, document: DocumentNode, operationName: string | undefined) {
  const mutation = getOperationAST(document, operationName);
  if (mutation == null) throw new Error('The document has no such operation');
  const asQuery = { ...mutation, operation: OperationTypeNode.QUERY };
  const definitions = document.definitions.map((each) => (each === mutation ? asQuery : each));
  const compiled = compileQuery(mutating(schema), { ...document, definitions }, operationName);
  // Resolvers are told of it as it is.
  asQuery.operation = OperationTypeNode.MUTATION;
  return compiled;
}

/** Compiles the operation, but leaves its variables and arguments to graphql-js. */
function compile(
  schema: GraphQLSchema,
  document: DocumentNode,
  operation: OperationDefinitionNode,
  interpret: Executor,
): Executor | undefined {
  if (isUnsafeToCompile(schema, document, operation)) return undefined;
  const target = compilable(schema);
  const prepared = withHoistedArguments(schema, document);
  const compiled =
    operation.operation === OperationTypeNode.MUTATION
      ? compileMutation(target, prepared.document, operation.name?.value)
      : compileQuery(target, prepared.document, operation.name?.value);
  if (!isCompiledQuery(compiled)) return undefined;
  const definitions = operation.variableDefinitions ?? [];
  const fitting = fittingVariables(schema, definitions);
  const valuesOf = (variables: ExecutionInput['variables']) => {
    const known = fitting(variables);
    if (known !== undefined) return { values: withArguments(prepared.hoisted, known) };
    const { errors, coerced } = getVariableValues(schema, definitions, variables, { maxErrors: MAX_VARIABLE_ERRORS });
    return errors === undefined ? { values: withArguments(prepared.hoisted, coerced) } : { errors };
  };
  /** Those of a subscription are the same for each of its events. */
  const known = new WeakMap<ExecutionInput['variables'], ReturnType<typeof valuesOf>>();
  const rememberedValuesOf: typeof valuesOf = (variables) => {
    let found = known.get(variables);
    if (found === undefined) known.set(variables, (found = valuesOf(variables)));
    return found;
  };
  const findValues = operation.operation === OperationTypeNode.SUBSCRIPTION ? rememberedValuesOf : valuesOf;
  let writing: typeof compiled | undefined;
  let failures = 0;
  let runsWithoutText = 0;
  const compileWriting = (): typeof compiled | undefined => {
    if (operation.operation !== OperationTypeNode.QUERY) return undefined;
    const written = withWrittenLists(target, prepared.document, operation.name?.value);
    const query = written && compileQuery(target, written, operation.name?.value);
    return query !== undefined && isCompiledQuery(query) ? query : undefined;
  };
  let isTried = false;
  const execute: Executor = (input) => {
    const { rootValue, contextValue, variables, takesText = false } = input;
    const { errors, values } = findValues(variables);
    if (errors !== undefined) return { errors };
    if (values === undefined) return interpret(input);
    const finish = (result: ExecutionResult) =>
      orderErrors(
        withMissingRoots(result, schema, document, operation, variables),
        schema,
        document,
        operation,
        variables,
      );
    if (takesText && !isTried) {
      isTried = true;
      writing = compileWriting();
    }
    if (!takesText || writing === undefined || runsWithoutText > 0) {
      if (takesText && runsWithoutText > 0) runsWithoutText -= 1;
      const result = compiled.query(rootValue, contextValue, values);
      return result instanceof Promise ? result.then(finish) : finish(result);
    }
    const settle = (result: ExecutionResult) => {
      if (!result.errors?.some(({ originalError }) => originalError instanceof CannotWrite)) {
        failures = 0;
        return finish(result);
      }
      failures += 1;
      // What one reader may not see, and an outage, are no reason to write no other answer any more.
      if (failures === MOST_FAILURES) [failures, runsWithoutText] = [0, RUNS_WITHOUT_TEXT];
      return execute({ ...input, takesText: false });
    };
    const result = writing.query(rootValue, contextValue, values);
    return result instanceof Promise ? result.then(settle) : settle(result);
  };
  return execute;
}
