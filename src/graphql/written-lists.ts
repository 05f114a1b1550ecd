import { randomUUID } from 'node:crypto';
import {
  GraphQLEnumType,
  GraphQLID,
  GraphQLList,
  GraphQLNonNull,
  GraphQLScalarType,
  GraphQLString,
  Kind,
  getNullableType,
  getOperationAST,
  isLeafType,
  isListType,
  isNonNullType,
  isObjectType,
  type DocumentNode,
  type FieldNode,
  type GraphQLField,
  type GraphQLFieldConfig,
  type GraphQLLeafType,
  type GraphQLObjectType,
  type GraphQLOutputType,
  type GraphQLResolveInfo,
  type GraphQLSchema,
  type SelectionSetNode,
} from 'graphql';
import { isoText } from './date-time.js';
import { rememberAsked } from './once-for-field.js';
import { shortcutOf } from './shortcuts.js';

/**
 * A list of rows that is JSON already, in the place of a list of objects which would be checked, made, and then written. To who does not
 * write by {@link jsonText}, it is that list.
 */
export class WrittenList {
  constructor(
    private readonly text: string,
    readonly length: number,
  ) {}

  toJSON(): unknown {
    if (collected === undefined) return JSON.parse(this.text);
    collected.push(this.text);
    return PLACE;
  }
}

/** Stands for a list while the rest is written. Nobody outside can guess it. */
const PLACE = randomUUID();
const PLACE_TEXT = JSON.stringify(PLACE);
let collected: string[] | undefined;

/** As `JSON.stringify`, of a value that may have lists which are written. */
export function jsonText(value: unknown): string {
  const lists: string[] = [];
  collected = lists;
  let text: string;
  try {
    text = JSON.stringify(value);
  } finally {
    collected = undefined;
  }
  if (lists.length === 0) return text;
  const [first = '', ...others] = text.split(PLACE_TEXT);
  return others.reduce((whole, part, index) => whole + (lists[index] ?? '') + part, first);
}

/** A row has what the writer does not expect, such as null in a place that must not be: GraphQL's own way tells what is wrong. */
export class CannotWrite extends Error {}

type Write = (value: unknown) => string;

/** A response key of a row's object. */
interface Part {
  /** What comes before the value, the comma included. */
  readonly start: string;
  /** The type's name has no value to read: `start` is all. */
  readonly isConstant: boolean;
  /** The row's property with the value; undefined where it is found otherwise. */
  readonly property: string | undefined;
  /** Finds the value in the row. */
  readonly read: ((row: unknown) => unknown) | undefined;
  /** Resolves the value, which may have to be waited for. */
  readonly link: { readonly node: FieldNode; readonly field: Field; readonly parent: GraphQLObjectType } | undefined;
  readonly isNullable: boolean;
  /** Whether rows behind one another often have the same value, which is written once then. */
  readonly isRepeated: boolean;
  readonly write: Write;
}

type Field = GraphQLField<unknown, unknown>;
type FieldConfig = GraphQLFieldConfig<unknown, unknown>;
type WriteRows = (rows: readonly unknown[], linked: readonly (readonly unknown[])[]) => string;

interface ListWriter {
  readonly links: readonly NonNullable<Part['link']>[];
  readonly write: WriteRows;
}

/** Longer ones are left to `JSON.stringify`. */
const MOST_LOOKED_AT = 1_000;
// eslint-disable-next-line no-control-regex -- JSON escapes them
const IS_ESCAPED = /[\u0000-\u001f"\\\ud800-\udfff]/;

function quoted(text: string): string {
  return text.length <= MOST_LOOKED_AT && !IS_ESCAPED.test(text) ? `"${text}"` : JSON.stringify(text);
}

/** What GraphQL's own way takes for an error, waits for, or calls. */
function isUnsettled(value: unknown): boolean {
  if (typeof value === 'function' || value instanceof Error) return true;
  return typeof value === 'object' && value !== null && 'then' in value && typeof value.then === 'function';
}

function leafWriter(type: GraphQLLeafType): Write {
  const written = (value: unknown): string => {
    const serialized = isUnsettled(value) ? undefined : type.serialize(value);
    // Undefined also for what JSON leaves out, such as a symbol.
    const text = JSON.stringify(serialized ?? undefined) as string | undefined;
    if (text === undefined) throw new CannotWrite();
    return text;
  };
  if (type === GraphQLString || type === GraphQLID) {
    return (value) => (typeof value === 'string' ? quoted(value) : written(value));
  }
  if (type.name === 'DateTime') return (value) => (value instanceof Date ? `"${isoText(value)}"` : written(value));
  return written;
}

function valueWriter(
  type: GraphQLOutputType,
  selectionSet: SelectionSetNode | undefined,
  asked: Asked,
): Write | undefined {
  const present = getNullableType(type);
  if (isLeafType(present)) return leafWriter(present);
  if (isListType(present)) {
    const item: GraphQLOutputType = present.ofType;
    const write = valueWriter(item, selectionSet, asked);
    if (write === undefined) return undefined;
    const isNullable = !isNonNullType(item);
    return (values) => {
      if (!Array.isArray(values)) throw new CannotWrite();
      // Unlike `map`, it does not leave out what a list has no element for.
      return `[${Array.from(values, (value: unknown) => writeOne(value, isNullable, write)).join()}]`;
    };
  }
  if (!isObjectType(present) || selectionSet === undefined) return undefined;
  const parts = partsOf(present, selectionSet, asked);
  if (parts === undefined || parts.some(({ link }) => link !== undefined)) return undefined;
  return (object) => {
    if (typeof object !== 'object' || object === null || isUnsettled(object)) throw new CannotWrite();
    let text = '{';
    for (const { start, isConstant, property, read, isNullable, write } of parts) {
      const value: unknown =
        property === undefined ? read?.(object) : (object as Readonly<Record<string, unknown>>)[property];
      text += isConstant ? start : start + writeOne(value, isNullable, write);
    }
    return `${text}}`;
  };
}

function writeOne(value: unknown, isNullable: boolean, write: Write): string {
  if (value !== undefined && value !== null) return write(value);
  if (!isNullable) throw new CannotWrite();
  return 'null';
}

/** What a document has beside its fields. */
interface Asked {
  readonly fragments: ReadonlyMap<string, { readonly typeName: string; readonly selectionSet: SelectionSetNode }>;
}

/** @returns undefined where the writer would need more than the row */
function partsOf(type: GraphQLObjectType, selectionSet: SelectionSetNode, asked: Asked): readonly Part[] | undefined {
  const fields = fieldsIn(type, selectionSet, asked);
  if (fields === undefined || hasRepeats(fields)) return undefined;
  const parts: Part[] = [];
  for (const node of fields) {
    const part = partOf(type, node, asked, parts.length === 0 ? '' : ',');
    if (part === undefined) return undefined;
    parts.push(part);
  }
  return parts;
}

function partOf(parent: GraphQLObjectType, node: FieldNode, asked: Asked, comma: string): Part | undefined {
  const start = `${comma}${JSON.stringify(keyOf(node))}:`;
  if (node.name.value === '__typename') {
    const constant = { isConstant: true, property: undefined, read: () => null, link: undefined };
    return {
      ...constant,
      start: start + JSON.stringify(parent.name),
      isNullable: true,
      isRepeated: false,
      write: String,
    };
  }
  const field = parent.getFields()[node.name.value];
  if (field === undefined || field.args.length > 0) return undefined;
  const shortcut = field.resolve === undefined ? { property: field.name } : shortcutOf(field.resolve);
  const write = shortcut && valueWriter(field.type, node.selectionSet, asked);
  if (write === undefined) return undefined;
  const { property, read } = shortcut ?? {};
  const type = getNullableType(field.type);
  const isLink = property === undefined && read === undefined;
  return {
    start,
    isConstant: false,
    property,
    read,
    link: isLink ? { node, field, parent } : undefined,
    isNullable: !isNonNullType(field.type),
    isRepeated:
      property !== 'id' && (isLink || type === GraphQLString || type === GraphQLID || type instanceof GraphQLEnumType),
    write,
  };
}

const keyOf = ({ alias, name }: FieldNode) => (alias ?? name).value;

function hasRepeats(fields: readonly FieldNode[]): boolean {
  return new Set(fields.map(keyOf)).size < fields.length;
}

/** The fields of the selection and of its fragments, which are all of this type. */
function fieldsIn(
  type: GraphQLObjectType,
  { selections }: SelectionSetNode,
  asked: Asked,
): readonly FieldNode[] | undefined {
  const fields: FieldNode[] = [];
  for (const selection of selections) {
    if ((selection.directives ?? []).length > 0) return undefined;
    if (selection.kind === Kind.FIELD) {
      fields.push(selection);
      continue;
    }
    const fragment =
      selection.kind === Kind.FRAGMENT_SPREAD
        ? asked.fragments.get(selection.name.value)
        : { typeName: selection.typeCondition?.name.value ?? type.name, selectionSet: selection.selectionSet };
    const below = fragment?.typeName === type.name ? fieldsIn(type, fragment.selectionSet, asked) : undefined;
    if (below === undefined) return undefined;
    fields.push(...below);
  }
  return fields;
}

/**
 * Writes a function that writes rows. Each place in it reads one property and calls one writer, as in the adapter that makes rows of
 * their bytes. Of its text, only the names of properties are no constants here, and they are those of this program's own types.
 */
function compileRows(parts: readonly Part[]): WriteRows {
  const steps = parts.map(({ isConstant, property, link, isNullable, isRepeated }, index) => {
    if (isConstant) return `text += start${index};`;
    const value =
      property !== undefined
        ? `row[${JSON.stringify(property)}]`
        : link === undefined
          ? `parts[${index}].read(row)`
          : `linked[${parts.filter((part, before) => before < index && part.link !== undefined).length}][index]`;
    const whole = `start${index} + write${index}(value)`;
    const written = isRepeated
      ? `{ if (value !== last${index}) { text${index} = ${whole}; last${index} = value; } text += text${index}; }`
      : `text += ${whole};`;
    return `value = ${value};
      if (value === null || value === undefined) ${isNullable ? `text += none${index};` : 'cannot();'}
      else ${written}`;
  });
  const names = (of: (index: number) => string) => parts.map((_part, index) => of(index)).join('\n');
  // eslint-disable-next-line @typescript-eslint/no-implied-eval -- no text of a client is in it, only names of this program's own types
  const make = new Function(
    'parts',
    'cannot',
    'isUnsettled',
    `${names((index) => `const { start: start${index}, write: write${index} } = parts[${index}], none${index} = start${index} + 'null';`)}
    return (rows, linked) => {
      let text = '[', value;
      ${names((index) => `let last${index}, text${index};`)}
      for (let index = 0; index < rows.length; index++) {
        const row = rows[index];
        if (row === null || row === undefined || isUnsettled(row)) cannot();
        text += index === 0 ? '{' : ',{';
        ${steps.join('\n')}
        text += '}';
      }
      return text + ']';
    };`,
  ) as (of: readonly Part[], cannot: () => never, unsettled: typeof isUnsettled) => WriteRows;
  const cannot = () => {
    throw new CannotWrite();
  };
  return make(parts, cannot, isUnsettled);
}

function listWriter(type: GraphQLOutputType, node: FieldNode, asked: Asked): ListWriter | undefined {
  const row = rowTypeOf(type);
  const parts = row && node.selectionSet && partsOf(row, node.selectionSet, asked);
  if (parts === undefined || parts.length === 0) return undefined;
  return { links: parts.flatMap(({ link }) => link ?? []), write: compileRows(parts) };
}

/** The type of the objects of a list that has no null in it. */
function rowTypeOf(type: GraphQLOutputType): GraphQLObjectType | undefined {
  const list = getNullableType(type);
  const item: GraphQLOutputType | undefined = isListType(list) ? list.ofType : undefined;
  return isNonNullType(item) && isObjectType(item.ofType) ? item.ofType : undefined;
}

/** @throws CannotWrite whatever is wrong: it is told by whoever reads the list otherwise */
function write(
  { links, write: writeRows }: ListWriter,
  rows: unknown,
  context: unknown,
  info: GraphQLResolveInfo,
): WrittenList | Promise<WrittenList> {
  try {
    if (!Array.isArray(rows)) throw new CannotWrite();
    if (links.length === 0) return new WrittenList(writeRows(rows, []), rows.length);
    const linked = links.map((link) => linkedTo(rows, link, context, info));
    const waiting = new Set(linked.flatMap((values) => values.filter((value) => value instanceof Promise)));
    const finish = () => new WrittenList(writeRows(rows, linked), rows.length);
    return waiting.size === 0 ? finish() : settled(waiting, linked).then(finish).catch(refuse);
  } catch (error) {
    return refuse(error);
  }
}

/** What each row leads to, or a promise of it. */
function linkedTo(
  rows: readonly unknown[],
  { node, field, parent }: ListWriter['links'][number],
  context: unknown,
  info: GraphQLResolveInfo,
): unknown[] {
  const { name: fieldName, resolve, type: returnType } = field;
  const linkInfo = { ...info, fieldName, fieldNodes: [node], returnType, parentType: parent };
  return rows.map((row): unknown => {
    try {
      return resolve?.(row, {}, context, linkInfo);
    } catch (cause) {
      // Waited for with the others, which nobody would hear of otherwise.
      return Promise.reject(new CannotWrite('A row leads to an error', { cause }));
    }
  });
}

function refuse(cause: unknown): never {
  throw cause instanceof CannotWrite ? cause : new CannotWrite('A list cannot be written', { cause });
}

/** Puts into their places what is waited for. Rows often wait for the same. */
async function settled(waiting: ReadonlySet<Promise<unknown>>, linked: readonly unknown[][]): Promise<void> {
  const values = new Map<unknown, unknown>();
  await Promise.all(Array.from(waiting, async (promise) => values.set(promise, await promise)));
  for (const list of linked) {
    for (const [index, value] of list.entries()) if (value instanceof Promise) list[index] = values.get(value);
  }
}

const PREFIX = '__written_';
/** The type of a list that is written. */
export const WRITTEN = new GraphQLScalarType({ name: '__WrittenList', serialize: (value) => value });

const writers = new WeakMap<FieldNode, { readonly writer: ListWriter; readonly node: FieldNode }>();

/** A field beside the one with a list, which gives the list as text. @returns none for other fields */
export function writtenField(name: string, config: FieldConfig): Readonly<Record<string, FieldConfig>> {
  if (rowTypeOf(config.type) === undefined) return {};
  const { resolve = (source: unknown) => (source as Readonly<Record<string, unknown>>)[name] } = config;
  const type = isNonNullType(config.type) ? new GraphQLNonNull(WRITTEN) : WRITTEN;
  const resolveWritten: FieldConfig['resolve'] = (source, args, context, info) => {
    const found = info.fieldNodes[0] && writers.get(info.fieldNodes[0]);
    if (found === undefined) throw new CannotWrite();
    const { writer, node } = found;
    const asOf = { ...info, fieldName: name, fieldNodes: [node], returnType: config.type };
    const rows: unknown = resolve(source, args, context, asOf);
    return rows instanceof Promise
      ? rows.then((settledRows) => write(writer, settledRows, context, asOf))
      : write(writer, rows, context, asOf);
  };
  return { [PREFIX + name]: { ...config, type, resolve: resolveWritten } };
}

/**
 * The document with the fields of {@link writtenField} in the place of lists whose rows say all that is asked of them.
 * @param schema has these fields
 * @returns undefined where there is none
 */
export function withWrittenLists(
  schema: GraphQLSchema,
  document: DocumentNode,
  operationName: string | undefined,
): DocumentNode | undefined {
  const operation = getOperationAST(document, operationName);
  if (operation == null) return undefined;
  const root = schema.getRootType(operation.operation);
  if (root == null) return undefined;
  const fragments = new Map(
    document.definitions.flatMap((definition) =>
      definition.kind === Kind.FRAGMENT_DEFINITION
        ? [[definition.name.value, { typeName: definition.typeCondition.name.value, ...definition }] as const]
        : [],
    ),
  );
  const selectionSet = rewritten(root, operation.selectionSet, { fragments });
  if (selectionSet === operation.selectionSet) return undefined;
  return {
    ...document,
    definitions: document.definitions.map((each) => (each === operation ? { ...operation, selectionSet } : each)),
  };
}

function rewritten(type: GraphQLObjectType, selectionSet: SelectionSetNode, asked: Asked): SelectionSetNode {
  const fields = selectionSet.selections.filter((selection) => selection.kind === Kind.FIELD);
  if (fields.length < selectionSet.selections.length || hasRepeats(fields)) return selectionSet;
  const changed = fields.map((node) => rewrittenField(type, node, asked));
  return changed.every((node, index) => node === fields[index])
    ? selectionSet
    : { ...selectionSet, selections: changed };
}

function rewrittenField(parent: GraphQLObjectType, node: FieldNode, asked: Asked): FieldNode {
  const field = parent.getFields()[node.name.value];
  if (field === undefined || node.selectionSet === undefined) return node;
  const writer = listWriter(field.type, node, asked);
  if (writer !== undefined) {
    const { name } = node;
    const alias = { kind: Kind.NAME, value: keyOf(node) } as const;
    const renamed: FieldNode = { ...node, alias, name: { ...name, value: PREFIX + name.value } };
    writers.set(renamed, { writer, node });
    return renamed;
  }
  const type = objectIn(field.type);
  const selectionSet = type && rewritten(type, node.selectionSet, asked);
  if (selectionSet === undefined || selectionSet === node.selectionSet) return node;
  const copy: FieldNode = { ...node, selectionSet };
  rememberAsked(copy, node);
  return copy;
}

function objectIn(type: GraphQLOutputType): GraphQLObjectType | undefined {
  const present = getNullableType(type);
  if (present instanceof GraphQLList) return objectIn(present.ofType);
  return isObjectType(present) ? present : undefined;
}
