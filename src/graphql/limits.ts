import {
  Kind,
  OperationTypeNode,
  getNamedType,
  getNullableType,
  isCompositeType,
  isListType,
  isObjectType,
  isInterfaceType,
  SchemaMetaFieldDef,
  TypeMetaFieldDef,
  TypeNameMetaFieldDef,
  type DocumentNode,
  type FieldNode,
  type FragmentDefinitionNode,
  type GraphQLCompositeType,
  type GraphQLField,
  type GraphQLSchema,
  type OperationDefinitionNode,
  type SelectionSetNode,
  type ValueNode,
} from 'graphql';
import { MAX_PAGE_SIZE } from '../kernel/page.js';
import { Refusal } from './refusal.js';

/** Limits of a document. They do not apply to our own documents (REST's), which no client wrote. */
export interface Limits {
  /** Lexical tokens, at which the parser stops. */
  readonly tokens: number;
  /** Nesting levels of fields. Introspection has a separate count, since GraphiQL's own query has 13 levels. */
  readonly depth: number;
  readonly introspectionDepth: number;
  /** Uses of `__schema` and `__type` in an operation, each of which may describe the whole schema. */
  readonly introspections: number;
  /** Steps of comparing fields that are selected several times in one place, which validation does for every pair of them. */
  readonly merges: number;
  /** Root fields of a query, each of which is a separate call. */
  readonly queryFields: number;
  /** Root fields of a mutation: a hundred aliased logins would be a hundred guesses. */
  readonly mutationFields: number;
  /** Aliases in the whole document, since they allow calling one field many times. */
  readonly aliases: number;
  /** Fields that the answer could hold, with lists as long as `first` or `last` asks for. */
  readonly cost: number;
}

/**
 * The operations of the contract stay below a quarter of each limit. The largest (a page of 100 conversations, each with 20
 * messages of 8 fields) costs 16,000; GraphiQL's introspection query has 13 levels.
 */
export const DEFAULT_LIMITS: Limits = {
  tokens: 2_000,
  depth: 12,
  introspectionDepth: 16,
  introspections: 2,
  merges: 10_000,
  queryFields: 20,
  mutationFields: 10,
  aliases: 50,
  cost: 20_000,
};

/** Assumed length of a list for which neither the client nor the schema gives a size. */
const DEFAULT_LIST_SIZE = 20;

const tooComplex = (message: string, nodes?: FieldNode | OperationDefinitionNode) =>
  new Refusal(message, 'QUERY_TOO_COMPLEX', nodes === undefined ? {} : { nodes });

const isIntrospection = (field: FieldNode) => field.name.value === '__schema' || field.name.value === '__type';

export type Fragments = ReadonlyMap<string, FragmentDefinitionNode>;

export function fragmentsOf(document: DocumentNode): Fragments {
  const fragments = new Map<string, FragmentDefinitionNode>();
  for (const definition of document.definitions) {
    if (definition.kind === Kind.FRAGMENT_DEFINITION) fragments.set(definition.name.value, definition);
  }
  return fragments;
}

/** Measures of a selection set that need no schema, so that they can be limited before validation, which is costly. */
interface Shape {
  readonly depth: number;
  readonly introspectionDepth: number;
  /** Direct fields, including those of fragments. */
  readonly fields: number;
  /** Those of them that ask for the schema. */
  readonly introspections: number;
}

const NO_SHAPE: Shape = { depth: 0, introspectionDepth: 0, fields: 0, introspections: 0 };

function measure(fragments: Fragments): (selectionSet: SelectionSetNode) => Shape {
  const measured = new Map<string, Shape>();
  const ofFragment = (name: string): Shape => {
    const known = measured.get(name);
    if (known !== undefined) return known;
    // A placeholder while the fragment is measured, which ends the recursion of a cycle; validation reports cycles.
    measured.set(name, NO_SHAPE);
    const fragment = fragments.get(name);
    const shape = fragment === undefined ? NO_SHAPE : of(fragment.selectionSet);
    measured.set(name, shape);
    return shape;
  };
  const of = (selectionSet: SelectionSetNode): Shape => {
    let depth = 0;
    let introspectionDepth = 0;
    let fields = 0;
    let introspections = 0;
    for (const selection of selectionSet.selections) {
      if (selection.kind === Kind.FIELD) {
        const inner = selection.selectionSet === undefined ? undefined : of(selection.selectionSet);
        const levels = 1 + (inner?.depth ?? 0);
        fields += 1;
        if (isIntrospection(selection)) {
          introspectionDepth = Math.max(introspectionDepth, levels);
          introspections += 1;
        } else depth = Math.max(depth, levels);
        introspectionDepth = Math.max(introspectionDepth, inner?.introspectionDepth ?? 0);
      } else {
        const inner =
          selection.kind === Kind.FRAGMENT_SPREAD ? ofFragment(selection.name.value) : of(selection.selectionSet);
        depth = Math.max(depth, inner.depth);
        introspectionDepth = Math.max(introspectionDepth, inner.introspectionDepth);
        fields += inner.fields;
        introspections += inner.introspections;
      }
    }
    return { depth, introspectionDepth, fields, introspections };
  };
  return of;
}

function countAliases(selectionSet: SelectionSetNode): number {
  let aliases = 0;
  for (const selection of selectionSet.selections) {
    if (selection.kind === Kind.FIELD && selection.alias !== undefined) aliases += 1;
    if (selection.kind !== Kind.FRAGMENT_SPREAD && selection.selectionSet !== undefined) {
      aliases += countAliases(selection.selectionSet);
    }
  }
  return aliases;
}

/** Checks depth, root fields and aliases; the message states the figure and the limit. */
export function checkShape(document: DocumentNode, limits: Limits): Refusal | undefined {
  const shapeOf = measure(fragmentsOf(document));
  let aliases = 0;
  for (const definition of document.definitions) {
    if (!('selectionSet' in definition)) continue;
    aliases += countAliases(definition.selectionSet);
    if (definition.kind !== Kind.OPERATION_DEFINITION) continue;
    const { depth, introspectionDepth, fields, introspections } = shapeOf(definition.selectionSet);
    const maxFields = definition.operation === OperationTypeNode.MUTATION ? limits.mutationFields : limits.queryFields;
    if (depth > limits.depth) {
      return tooComplex(
        `The ${definition.operation} is ${depth} levels deep; the limit is ${limits.depth}`,
        definition,
      );
    }
    if (introspectionDepth > limits.introspectionDepth) {
      const limit = limits.introspectionDepth;
      return tooComplex(`The introspection is ${introspectionDepth} levels deep; the limit is ${limit}`, definition);
    }
    if (introspections > limits.introspections) {
      const limit = limits.introspections;
      return tooComplex(`The schema is asked for ${introspections} times; the limit is ${limit}`, definition);
    }
    if (fields > maxFields) {
      return tooComplex(`The ${definition.operation} has ${fields} root fields; the limit is ${maxFields}`, definition);
    }
  }
  if (aliases > limits.aliases) {
    return tooComplex(`The document has ${aliases} aliases; the limit is ${limits.aliases}`);
  }
  return mergesWithin(document, limits.merges)
    ? undefined
    : tooComplex('The document selects the same fields too many times');
}

/**
 * Whether the pairs of equal response keys in one place, fragments included, stay within the limit. Each pair is compared by
 * validation, with everything below it, once for every selection set around it.
 */
function mergesWithin(document: DocumentNode, limit: number): boolean {
  const fragments = fragmentsOf(document);
  let steps = 0;
  const visitTogether = (sets: readonly SelectionSetNode[]): void => {
    const below = new Map<string, SelectionSetNode[]>();
    const times = new Map<string, number>();
    const visited = new Set<string>();
    const gather = ({ selections }: SelectionSetNode): void => {
      for (const selection of selections) {
        steps += 1;
        if (steps > limit) return;
        if (selection.kind === Kind.FIELD) {
          const key = (selection.alias ?? selection.name).value;
          const before = times.get(key) ?? 0;
          times.set(key, before + 1);
          steps += before;
          if (selection.selectionSet !== undefined) below.set(key, [...(below.get(key) ?? []), selection.selectionSet]);
        } else if (selection.kind === Kind.INLINE_FRAGMENT) {
          gather(selection.selectionSet);
        } else if (!visited.has(selection.name.value)) {
          visited.add(selection.name.value);
          const fragment = fragments.get(selection.name.value);
          if (fragment !== undefined) gather(fragment.selectionSet);
        }
      }
    };
    for (const set of sets) gather(set);
    for (const together of below.values()) {
      if (steps > limit) return;
      visitTogether(together);
    }
  };
  for (const definition of document.definitions) {
    if ('selectionSet' in definition) visitTogether([definition.selectionSet]);
    if (steps > limit) return false;
  }
  return true;
}

/** The cost of an operation, given the variables that set the sizes of its lists. */
export type Cost = (variables: Readonly<Record<string, unknown>>) => number;

/**
 * Counts the fields that an answer could hold: each field is 1, and fields inside a list count once per item. The document must
 * be valid: cycles of fragments would never end.
 *
 * A connection's `first` or `last` is the length of the lists directly in it (`edges`, `nodes`). Skipped fields count too.
 */
export function costOf(schema: GraphQLSchema, document: DocumentNode, operation: OperationDefinitionNode): Cost {
  const fragments = fragmentsOf(document);
  const sizeVariables = new Set<string>();
  const constant = new Counter(schema, fragments, operation, {}, sizeVariables).total();
  if (sizeVariables.size === 0) return () => constant;
  const names = [...sizeVariables];
  const known = new Map<string, number>();
  return (variables) => {
    const sizes = names.map((name) => sizeGivenBy(variables, name)).join();
    let cost = known.get(sizes);
    if (cost === undefined) {
      cost = new Counter(schema, fragments, operation, variables, sizeVariables).total();
      // A document is mostly asked with one size or two.
      if (known.size === MOST_KNOWN_SIZES) known.clear();
      known.set(sizes, cost);
    }
    return cost;
  };
}

/** What a count depends on of a variable that sets the size of a list. */
function sizeGivenBy(variables: Readonly<Record<string, unknown>>, name: string): number | 'none' | 'no number' {
  const given = Object.hasOwn(variables, name) ? variables[name] : undefined;
  return typeof given === 'number' ? given : given === undefined ? 'none' : 'no number';
}

/** Costs of a document that are kept. */
const MOST_KNOWN_SIZES = 20;

class Counter {
  /** Costs by fragment and page size, so that the count takes about as many steps as the document has tokens. */
  private readonly counted = new Map<string, number>();

  constructor(
    private readonly schema: GraphQLSchema,
    private readonly fragments: Fragments,
    private readonly operation: OperationDefinitionNode,
    private readonly variables: Readonly<Record<string, unknown>>,
    private readonly sizeVariables: Set<string>,
  ) {}

  total(): number {
    const root = this.schema.getRootType(this.operation.operation);
    return root == null ? 0 : this.selections(this.operation.selectionSet, root, undefined);
  }

  private selections(set: SelectionSetNode, type: GraphQLCompositeType, pageSize: number | undefined): number {
    let cost = 0;
    for (const selection of set.selections) {
      if (selection.kind === Kind.FIELD) cost += this.field(selection, type, pageSize);
      else if (selection.kind === Kind.FRAGMENT_SPREAD) cost += this.fragment(selection.name.value, pageSize);
      else
        cost += this.selections(
          selection.selectionSet,
          this.named(selection.typeCondition?.name.value, type),
          pageSize,
        );
    }
    return cost;
  }

  private fragment(name: string, pageSize: number | undefined): number {
    const key = `${name} ${pageSize}`;
    const known = this.counted.get(key);
    if (known !== undefined) return known;
    const fragment = this.fragments.get(name);
    const type = this.schema.getType(fragment?.typeCondition.name.value ?? '');
    const cost =
      fragment === undefined || !isCompositeType(type) ? 0 : this.selections(fragment.selectionSet, type, pageSize);
    this.counted.set(key, cost);
    return cost;
  }

  private named(name: string | undefined, otherwise: GraphQLCompositeType): GraphQLCompositeType {
    const type = name === undefined ? otherwise : this.schema.getType(name);
    return isCompositeType(type) ? type : otherwise;
  }

  private field(node: FieldNode, parent: GraphQLCompositeType, pageSize: number | undefined): number {
    const definition = fieldDefinition(parent, node.name.value);
    // What is asked about the schema is counted by itself, exactly.
    if (definition === undefined || node.selectionSet === undefined || isIntrospection(node)) return 1;
    const type = getNamedType(definition.type);
    if (!isCompositeType(type)) return 1;
    const ownSize = this.sizeOf(node, definition);
    const isList = isListType(getNullableType(definition.type));
    const times = isList ? (ownSize ?? pageSize ?? DEFAULT_LIST_SIZE) : 1;
    return 1 + times * this.selections(node.selectionSet, type, isList ? undefined : ownSize);
  }

  /** The value of `first` or `last`, otherwise the argument's default, otherwise {@link DEFAULT_LIST_SIZE}. */
  private sizeOf(node: FieldNode, definition: GraphQLField<unknown, unknown>): number | undefined {
    const sizes: number[] = [];
    let isPaged = false;
    for (const { name, defaultValue } of definition.args) {
      if (name !== 'first' && name !== 'last') continue;
      isPaged = true;
      const value = node.arguments?.find((argument) => argument.name.value === name)?.value;
      const size = value === undefined ? undefined : this.numberIn(value);
      // A larger page is never read: the service refuses the size with its own message.
      if (typeof size === 'number') sizes.push(Math.min(Math.max(1, size), MAX_PAGE_SIZE));
      else if (typeof defaultValue === 'number') sizes.push(defaultValue);
    }
    if (!isPaged) return undefined;
    return sizes.length === 0 ? DEFAULT_LIST_SIZE : Math.max(...sizes);
  }

  private numberIn(value: ValueNode): number | undefined {
    if (value.kind === Kind.INT) return Number(value.value);
    if (value.kind !== Kind.VARIABLE) return undefined;
    const name = value.name.value;
    this.sizeVariables.add(name);
    const given = sizeGivenBy(this.variables, name);
    if (given !== 'none') return typeof given === 'number' ? given : undefined;
    const declared = this.operation.variableDefinitions?.find((definition) => definition.variable.name.value === name);
    return declared?.defaultValue?.kind === Kind.INT ? Number(declared.defaultValue.value) : undefined;
  }
}

const META_FIELDS = new Map(
  [SchemaMetaFieldDef, TypeMetaFieldDef, TypeNameMetaFieldDef].map((field) => [field.name, field]),
);

function fieldDefinition(parent: GraphQLCompositeType, name: string): GraphQLField<unknown, unknown> | undefined {
  const own = isObjectType(parent) || isInterfaceType(parent) ? parent.getFields()[name] : undefined;
  return own ?? META_FIELDS.get(name);
}

/** Refuses an operation that costs more than the limit. */
export function refuseCost(cost: number, limits: Limits, operation: OperationDefinitionNode): Refusal | undefined {
  if (cost <= limits.cost) return undefined;
  const figure = Number.isSafeInteger(cost) ? cost.toLocaleString('en') : 'more than a quadrillion';
  const limit = limits.cost.toLocaleString('en');
  return tooComplex(
    `The answer could hold ${figure} fields; the limit is ${limit}. Ask for fewer fields or smaller pages`,
    operation,
  );
}
