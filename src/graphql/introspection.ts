import {
  GraphQLError,
  Kind,
  SchemaMetaFieldDef,
  TypeMetaFieldDef,
  getArgumentValues,
  getIntrospectionQuery,
  getNamedType,
  getVariableValues,
  isObjectType,
  parse,
  print,
  type DocumentNode,
  type ExecutionResult,
  type FieldNode,
  type GraphQLField,
  type GraphQLObjectType,
  type GraphQLResolveInfo,
  type GraphQLSchema,
  type OperationDefinitionNode,
  type SelectionSetNode,
  OperationTypeNode,
} from 'graphql';
import { LRUCache } from 'lru-cache';
import type { Executor } from './executor.js';
import { fragmentsOf, type Cost, type Fragments } from './limits.js';
import { Refusal } from './refusal.js';

/** Descriptions of the schema that are kept, each of up to a few hundred kilobytes. */
const MAX_KEPT = 20;
/** Longer variables are not looked up. */
const MAX_KEY = 10_000;
/** What an operation may ask for, as a multiple of all that tools ask for. */
const SHARE_OF_WHOLE = 1.25;

const META_FIELDS = new Map([SchemaMetaFieldDef, TypeMetaFieldDef].map((field) => [field.name, field]));
const isMeta = (name: string) => META_FIELDS.has(name);

/** The fields at the root of a valid operation, those of its fragments included. */
function rootFields(fragments: Fragments, { selections }: SelectionSetNode): FieldNode[] {
  return selections.flatMap((selection) => {
    if (selection.kind === Kind.FIELD) return [selection];
    if (selection.kind === Kind.INLINE_FRAGMENT) return rootFields(fragments, selection.selectionSet);
    const fragment = fragments.get(selection.name.value);
    return fragment === undefined ? [] : rootFields(fragments, fragment.selectionSet);
  });
}

/**
 * Counts the fields about the schema in an answer, exactly but for skipped ones: the schema is at hand, so its lists are
 * looked at instead of estimated.
 * @param limit the count beyond which it may be inexact
 */
export function schemaCostOf(
  schema: GraphQLSchema,
  document: DocumentNode,
  operation: OperationDefinitionNode,
  limit: number,
): Cost {
  const fragments = fragmentsOf(document);
  const fields = rootFields(fragments, operation.selectionSet).filter(({ name }) => isMeta(name.value));
  if (fields.length === 0) return () => 0;
  const counter = new SchemaCounter(schema, fragments, limit);
  return (variables) => {
    const { coerced } = getVariableValues(schema, operation.variableDefinitions ?? [], variables, { maxErrors: 1 });
    // The execution reports variables that do not fit.
    return coerced === undefined ? 0 : fields.reduce((sum, field) => sum + counter.root(field, coerced), 0);
  };
}

/** The most fields about the schema that an answer may hold: somewhat more than the whole. */
export function schemaLimitOf(schema: GraphQLSchema): number {
  const document = parse(
    getIntrospectionQuery({
      specifiedByUrl: true,
      directiveIsRepeatable: true,
      schemaDescription: true,
      inputValueDeprecation: true,
      oneOf: true,
    }),
  );
  const [operation] = document.definitions;
  if (operation?.kind !== Kind.OPERATION_DEFINITION) throw new Error('The introspection query has no operation');
  return Math.ceil(SHARE_OF_WHOLE * schemaCostOf(schema, document, operation, Infinity)({}));
}

class SchemaCounter {
  /** Costs by selection set and described object, so that the count takes fewer steps than the answer has fields. */
  private readonly counted = new Map<SelectionSetNode, Map<unknown, number>>();
  /** Selection sets counted so far, each for an object: the answer has a field at least for each of them. */
  private steps = 0;

  constructor(
    private readonly schema: GraphQLSchema,
    private readonly fragments: Fragments,
    private readonly limit: number,
  ) {}

  root(node: FieldNode, variables: Readonly<Record<string, unknown>>): number {
    const definition = META_FIELDS.get(node.name.value);
    if (definition === undefined) return 0;
    this.steps = 0;
    return this.field(node, definition, undefined, argumentsOf(definition, node, variables));
  }

  private field(node: FieldNode, definition: GraphQLField<unknown, unknown>, source: unknown, args: object): number {
    const type = getNamedType(definition.type);
    if (node.selectionSet === undefined || !isObjectType(type)) return 1;
    const info = { schema: this.schema } as GraphQLResolveInfo;
    const value = definition.resolve?.(source, args, undefined, info);
    const values: readonly unknown[] = Array.isArray(value) ? value : [value];
    let cost = 1;
    for (const each of values) if (each != null) cost += this.selections(node.selectionSet, type, each);
    return cost;
  }

  private selections(set: SelectionSetNode, type: GraphQLObjectType, source: unknown): number {
    const counts = this.counted.get(set) ?? new Map<unknown, number>();
    this.counted.set(set, counts);
    const known = counts.get(source);
    if (known !== undefined) return known;
    this.steps += 1;
    if (this.steps > this.limit) return Infinity;
    let cost = 0;
    for (const selection of set.selections) {
      if (selection.kind === Kind.FIELD) {
        const definition = type.getFields()[selection.name.value];
        // Deprecated fields and values count whether they are asked for or not.
        cost += definition === undefined ? 1 : this.field(selection, definition, source, { includeDeprecated: true });
      } else {
        const inner = selection.kind === Kind.INLINE_FRAGMENT ? selection : this.fragments.get(selection.name.value);
        if (inner !== undefined) cost += this.selections(inner.selectionSet, type, source);
      }
    }
    counts.set(source, cost);
    return cost;
  }
}

/** The arguments; none when they are invalid, which the execution reports. */
function argumentsOf(
  definition: GraphQLField<unknown, unknown>,
  node: FieldNode,
  variables: Readonly<Record<string, unknown>>,
): object {
  try {
    return getArgumentValues(definition, node, variables);
  } catch (error) {
    if (error instanceof GraphQLError) return {};
    throw error;
  }
}

/** Refuses an operation that asks for more of the schema than the limit. */
export function refuseSchemaCost(
  cost: number,
  limitOf: () => number,
  operation: OperationDefinitionNode,
): Refusal | undefined {
  if (cost === 0) return undefined;
  const limit = limitOf();
  if (cost <= limit) return undefined;
  const message = `The answer could hold more than ${limit.toLocaleString('en')} fields about the schema. Ask for fewer`;
  return new Refusal(message, 'QUERY_TOO_COMPLEX', { nodes: operation });
}

/** The values of the operation's own variables; undefined when they are too long to be kept. */
function keyOf(
  { variableDefinitions = [] }: OperationDefinitionNode,
  variables: Readonly<Record<string, unknown>>,
): string | undefined {
  const names = variableDefinitions.map(({ variable }) => variable.name.value);
  const values = names.filter((name) => Object.hasOwn(variables, name)).map((name) => [name, variables[name]]);
  const key = JSON.stringify(values);
  return key.length > MAX_KEY ? undefined : key;
}

/** Keeps the answers to queries that ask about the schema only, which are the same for everyone. */
export class SchemaAnswers {
  private readonly kept = new LRUCache<string, ExecutionResult>({ max: MAX_KEPT });

  /** @returns the executor, which looks up the answer first where the operation allows it */
  keep(document: DocumentNode, operation: OperationDefinitionNode, execute: Executor): Executor {
    if (operation.operation !== OperationTypeNode.QUERY) return execute;
    const names = rootFields(fragmentsOf(document), operation.selectionSet).map(({ name }) => name.value);
    if (!names.some(isMeta)) return execute;
    if (!names.every((name) => isMeta(name) || name === '__typename')) return execute;
    const text = `${operation.name?.value ?? ''} ${print(document)}`;
    return (input) => {
      const values = keyOf(operation, input.variables);
      if (values === undefined) return execute(input);
      const key = `${text} ${values}`;
      const known = this.kept.get(key);
      if (known !== undefined) return known;
      const result = execute(input);
      if (!(result instanceof Promise) && result.errors === undefined) this.kept.set(key, result);
      return result;
    };
  }
}
