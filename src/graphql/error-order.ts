import {
  GraphQLError,
  GraphQLIncludeDirective,
  GraphQLSkipDirective,
  Kind,
  getDirectiveValues,
  getNamedType,
  getNullableType,
  isCompositeType,
  isInterfaceType,
  isListType,
  isNonNullType,
  isObjectType,
  type DocumentNode,
  type ExecutionResult,
  type FieldNode,
  type FragmentDefinitionNode,
  type GraphQLNamedType,
  type GraphQLOutputType,
  type GraphQLSchema,
  type OperationDefinitionNode,
  type SelectionNode,
  type SelectionSetNode,
} from 'graphql';

type Path = readonly (string | number)[];
type Variables = Readonly<Record<string, unknown>>;

/** A response key of an object, with the fields that it stands for. */
interface Position {
  readonly index: number;
  /** The type of one of its fields. Validation sees to it that all of a key have the same lists and non-nulls. */
  readonly type: GraphQLOutputType;
  readonly fields: { readonly node: FieldNode; readonly type: GraphQLOutputType }[];
}

type Level = ReadonlyMap<string, Position>;

/** Says for a path of the answer in which order it comes, and which of its prefixes may be null. */
class Places {
  private readonly fragments = new Map<string, FragmentDefinitionNode>();
  private readonly below = new Map<Position, Level>();
  private readonly root: Level;

  constructor(
    private readonly schema: GraphQLSchema,
    document: DocumentNode,
    operation: OperationDefinitionNode,
    private readonly variables: Variables,
  ) {
    for (const definition of document.definitions) {
      if (definition.kind === Kind.FRAGMENT_DEFINITION) this.fragments.set(definition.name.value, definition);
    }
    const level = new Map<string, Position>();
    this.collect(operation.selectionSet, schema.getRootType(operation.operation) ?? undefined, level, new Set());
    this.root = level;
  }

  /** What a key of the whole answer stands for. */
  rootField(key: string): Position | undefined {
    return this.root.get(key);
  }

  /** The path as numbers that sort as its fields come in the answer. */
  rank(path: Path): number[] {
    let level: Level | undefined = this.root;
    return path.map((key) => {
      if (typeof key === 'number') return key;
      const position: Position | undefined = level?.get(key);
      level = position === undefined ? undefined : this.levelBelow(position);
      return position?.index ?? 0;
    });
  }

  /** The length of the longest prefix of the path that may be null; 0 is the whole of `data`. */
  nullable(path: Path): number {
    let longest = 0;
    let level: Level | undefined = this.root;
    let type: GraphQLOutputType | undefined;
    for (const [index, key] of path.entries()) {
      if (typeof key === 'number') {
        const list: GraphQLOutputType | undefined = type === undefined ? undefined : getNullableType(type);
        type = isListType(list) ? list.ofType : undefined;
      } else {
        const position: Position | undefined = level?.get(key);
        type = position?.type;
        level = position === undefined ? undefined : this.levelBelow(position);
      }
      if (!isNonNullType(type)) longest = index + 1;
    }
    return longest;
  }

  private levelBelow(position: Position): Level {
    const known = this.below.get(position);
    if (known !== undefined) return known;
    const level = new Map<string, Position>();
    const visited = new Set<string>();
    for (const { node, type } of position.fields) {
      if (node.selectionSet !== undefined) this.collect(node.selectionSet, getNamedType(type), level, visited);
    }
    this.below.set(position, level);
    return level;
  }

  private collect(
    set: SelectionSetNode,
    parent: GraphQLNamedType | undefined,
    level: Map<string, Position>,
    visited: Set<string>,
  ): void {
    for (const selection of set.selections) {
      if (!this.isIncluded(selection)) continue;
      if (selection.kind === Kind.INLINE_FRAGMENT) {
        const condition = selection.typeCondition?.name.value;
        const type = condition === undefined ? parent : this.schema.getType(condition);
        this.collect(selection.selectionSet, type, level, visited);
      } else if (selection.kind === Kind.FRAGMENT_SPREAD) {
        const name = selection.name.value;
        const fragment = visited.has(name) ? undefined : this.fragments.get(name);
        visited.add(name);
        if (fragment === undefined) continue;
        this.collect(fragment.selectionSet, this.schema.getType(fragment.typeCondition.name.value), level, visited);
      } else if (isCompositeType(parent)) {
        const fields = isObjectType(parent) || isInterfaceType(parent) ? parent.getFields() : {};
        const type = fields[selection.name.value]?.type;
        if (type === undefined) continue;
        const key = selection.alias?.value ?? selection.name.value;
        const position = level.get(key) ?? { index: level.size, type, fields: [] };
        position.fields.push({ node: selection, type });
        level.set(key, position);
      }
    }
  }

  private isIncluded(selection: SelectionNode): boolean {
    if (selection.directives === undefined || selection.directives.length === 0) return true;
    if (getDirectiveValues(GraphQLSkipDirective, selection, this.variables)?.['if'] === true) return false;
    return getDirectiveValues(GraphQLIncludeDirective, selection, this.variables)?.['if'] !== false;
  }
}

function compareRanks(one: readonly number[], other: readonly number[]): number {
  for (const [index, value] of one.entries()) {
    const against = other[index];
    if (against === undefined) return 1;
    if (value !== against) return value - against;
  }
  return one.length - other.length;
}

const isWithin = (path: Path, prefix: Path) => prefix.every((key, index) => path[index] === key);

/**
 * Makes of the errors of every field the errors of an answer, and puts null where they lead to: the answer that graphql-js
 * gives when all resolvers settle at once. Errors are in the order of the answer's fields; one that makes a parent null ends
 * that parent, so that those of later fields below it are left out. By itself, which of several errors are told, and in which order,
 * depends on which resolver is the quickest, and differs between engines.
 */
export function orderErrors(
  result: ExecutionResult,
  schema: GraphQLSchema,
  document: DocumentNode,
  operation: OperationDefinitionNode,
  variables: Variables,
): ExecutionResult {
  const { errors, data } = result;
  if (errors === undefined || data === undefined) return result;
  const places = new Places(schema, document, operation, variables);
  const located = errors
    .map((error) => ({ error, path: error.path ?? [], rank: places.rank(error.path ?? []) }))
    .sort((one, other) => compareRanks(one.rank, other.rank));
  const kept: GraphQLError[] = [];
  const ended: Path[] = [];
  let answer: unknown = data;
  let last: Path | undefined;
  for (const { error, path } of located) {
    // A failed field of a non-null type is told twice by graphql-jit, the second time as null.
    const isRepeated = last?.length === path.length && isWithin(path, last);
    if (isRepeated || ended.some((prefix) => isWithin(path, prefix))) continue;
    const place = path.slice(0, places.nullable(path));
    answer = withNull(answer, place);
    kept.push(error);
    if (place.length < path.length) ended.push(place);
    last = path;
  }
  return { errors: kept, data: answer as ExecutionResult['data'] & object };
}

/** Adds the errors of root fields that are null against their type, for an engine that lets them be null. */
export function withMissingRoots(
  result: ExecutionResult,
  schema: GraphQLSchema,
  document: DocumentNode,
  operation: OperationDefinitionNode,
  variables: Variables,
): ExecutionResult {
  const nulls = Object.entries(result.data ?? {}).filter(([, value]) => value === null);
  if (nulls.length === 0) return result;
  const places = new Places(schema, document, operation, variables);
  const missing = nulls.flatMap(([key]) => {
    const { type, fields = [] } = places.rootField(key) ?? {};
    const nodes = fields.map(({ node }) => node);
    if (!isNonNullType(type) || result.errors?.some(({ path }) => path?.[0] === key)) return [];
    const field = `${String(schema.getRootType(operation.operation))}.${nodes[0]?.name.value ?? key}`;
    return [new GraphQLError(`Cannot return null for non-nullable field ${field}.`, { nodes, path: [key] })];
  });
  return missing.length === 0 ? result : { ...result, errors: [...(result.errors ?? []), ...missing] };
}

/** Puts null at the place, unless a parent of it is null already. */
function withNull(data: unknown, place: Path): unknown {
  const last = place.at(-1);
  if (last === undefined) return null;
  let parent = data;
  for (const key of place.slice(0, -1)) {
    if (typeof parent !== 'object' || parent === null) return data;
    parent = (parent as Record<string | number, unknown>)[key];
  }
  if (typeof parent === 'object' && parent !== null) (parent as Record<string | number, unknown>)[last] = null;
  return data;
}
