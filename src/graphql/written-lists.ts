import { randomUUID } from 'node:crypto';
import {
  GraphQLBoolean,
  GraphQLEnumType,
  GraphQLID,
  GraphQLInt,
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
import { asksWhichAlone } from './bare-fields.js';
import { isoText } from './date-time.js';
import { rememberAsked } from './once-for-field.js';
import { shortcutOf, type Reference } from './shortcuts.js';

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

/** How most values of a type are written: as a text between quotes in which nothing is escaped. */
interface Plain {
  /** What comes before the text. */
  readonly open: string;
  /** The text; undefined for a value that is written otherwise. */
  readonly textOf: (value: unknown) => string | undefined;
  /** What comes behind it. */
  readonly end: string;
}

/** How values of a type are written. */
interface Writer {
  readonly write: Write;
  readonly plain?: Plain;
}

/** A field whose value is resolved. */
interface Link {
  readonly node: FieldNode;
  readonly field: Field;
  readonly parent: GraphQLObjectType;
  readonly reference: Reference | undefined;
}

/** A response key of a row's object. */
interface Part extends Writer {
  /** What comes before the value, the comma included. */
  readonly start: string;
  /** The value as JSON where it is always the same: the type's name. */
  readonly constant: string | undefined;
  /** The row's property with the value; undefined where it is found otherwise. */
  readonly property: string | undefined;
  /** Finds the value in the row. */
  readonly read: ((row: unknown) => unknown) | undefined;
  /** Resolves the value, which may have to be waited for. */
  readonly link: Link | undefined;
  readonly isNullable: boolean;
  readonly isList: boolean;
}

type Field = GraphQLField<unknown, unknown>;
type FieldConfig = GraphQLFieldConfig<unknown, unknown>;
type WriteRows = (rows: readonly unknown[], linked: readonly (readonly unknown[])[]) => string;

interface ListWriter {
  readonly links: readonly Link[];
  readonly write: WriteRows;
}

/** Longer ones are left to `JSON.stringify`. */
const MOST_LOOKED_AT = 1_000;
// eslint-disable-next-line no-control-regex -- JSON escapes them
const IS_ESCAPED = /[\u0000-\u001f"\\\ud800-\udfff]/;

function plainText(value: unknown): string | undefined {
  return typeof value === 'string' && value.length <= MOST_LOOKED_AT && !IS_ESCAPED.test(value) ? value : undefined;
}

/** What GraphQL's own way takes for an error, waits for, or calls. */
function isUnsettled(value: unknown): boolean {
  if (typeof value === 'function' || value instanceof Error) return true;
  return typeof value === 'object' && value !== null && 'then' in value && typeof value.then === 'function';
}

function leafWriter(type: GraphQLLeafType): Writer {
  const serialize = (value: unknown): unknown => {
    const serialized = isUnsettled(value) ? undefined : type.serialize(value);
    if (serialized === undefined || serialized === null) throw new CannotWrite();
    return serialized;
  };
  const write: Write = (value) => {
    // Undefined for what JSON leaves out, such as a symbol.
    const text = JSON.stringify(serialize(value)) as string | undefined;
    if (text === undefined) throw new CannotWrite();
    return text;
  };
  const plain = (textOf: Plain['textOf']): Writer => ({ write, plain: { open: '"', textOf, end: '"' } });
  if (type === GraphQLString || type === GraphQLID) return plain(plainText);
  if (type instanceof GraphQLEnumType) return plain((value) => plainText(serialize(value)));
  if (type.name === 'DateTime') return plain((value) => (value instanceof Date ? isoText(value) : undefined));
  if (type === GraphQLBoolean) return { write: (value) => (typeof value === 'boolean' ? String(value) : write(value)) };
  if (type === GraphQLInt) return { write: (value) => (isInt(value) ? String(value) : write(value)) };
  return { write };
}

/** Whether the value is one of GraphQL's Int, as JSON has it. */
function isInt(value: unknown): value is number {
  return typeof value === 'number' && Math.trunc(value) === value && Math.abs(value) <= MAX_INT;
}

const MAX_INT = 2_147_483_647;

function valueWriter(
  type: GraphQLOutputType,
  selectionSet: SelectionSetNode | undefined,
  asked: Asked,
): Writer | undefined {
  const present = getNullableType(type);
  if (isLeafType(present)) return leafWriter(present);
  if (isListType(present)) {
    const item: GraphQLOutputType = present.ofType;
    const writer = valueWriter(item, selectionSet, asked);
    if (writer === undefined) return undefined;
    const isNullable = !isNonNullType(item);
    const write: Write = (values) => {
      if (!Array.isArray(values)) throw new CannotWrite();
      // Unlike `map`, it does not leave out what a list has no element for.
      return `[${Array.from(values, (value: unknown) => writeOne(value, isNullable, writer)).join()}]`;
    };
    return { write };
  }
  if (!isObjectType(present) || selectionSet === undefined) return undefined;
  const parts = partsOf(present, selectionSet, asked);
  if (parts === undefined || parts.some(({ link }) => link !== undefined)) return undefined;
  const writeRows = compileRows(parts);
  const write: Write = (object) => {
    if (typeof object !== 'object') throw new CannotWrite();
    return writeRows([object], []).slice(1, -1);
  };
  return { write };
}

function writeOne(value: unknown, isNullable: boolean, { write, plain }: Writer): string {
  if (value === undefined || value === null) {
    if (!isNullable) throw new CannotWrite();
    return 'null';
  }
  const text = plain?.textOf(value);
  return plain === undefined || text === undefined ? write(value) : plain.open + text + plain.end;
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
    const unread = { property: undefined, read: undefined, link: undefined, isNullable: false, isList: false };
    return { ...unread, start, constant: JSON.stringify(parent.name), write: String };
  }
  const field = parent.getFields()[node.name.value];
  if (field === undefined || field.args.length > 0) return undefined;
  const shortcut = field.resolve === undefined ? { property: field.name } : shortcutOf(field.resolve);
  const writer = shortcut && valueWriter(field.type, node.selectionSet, asked);
  if (writer === undefined) return undefined;
  const { property, read, reference } = shortcut ?? {};
  const named = {
    start,
    constant: undefined,
    isNullable: !isNonNullType(field.type),
    isList: isListType(getNullableType(field.type)),
  };
  if (property !== undefined || read !== undefined) return { ...writer, ...named, property, read, link: undefined };
  const bare = reference?.isThere === true && asksWhichAlone({ fieldNodes: [node] }) && bareWriter(field, node, asked);
  if (bare) return { ...bare, ...named, property: reference.property, read: undefined, link: undefined };
  return { ...writer, ...named, property, read, link: { node, field, parent, reference } };
}

/** Writes an object of which the row has all that is asked for: its id. */
function bareWriter({ type }: Field, { selectionSet }: FieldNode, asked: Asked): Writer | undefined {
  const object = getNullableType(type);
  const parts = isObjectType(object) && selectionSet !== undefined ? (partsOf(object, selectionSet, asked) ?? []) : [];
  const [id, ...others] = parts.filter(({ constant }) => constant === undefined);
  if (id?.property !== 'id' || others.length > 0) return undefined;
  const textOf = (some: readonly Part[]) => some.map(({ start, constant = '' }) => start + constant).join('');
  const place = parts.indexOf(id) + 1;
  const [open, end] = [`{${textOf(parts.slice(0, place))}`, `${textOf(parts.slice(place))}}`];
  const write: Write = (value) => open + writeOne(value, false, id) + end;
  const { plain } = id;
  return plain === undefined
    ? { write }
    : { write, plain: { open: open + plain.open, textOf: plain.textOf, end: plain.end + end } };
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

/** A text of one piece: V8 keeps what was added as pieces, and puts them together when the answer is written. */
function inOnePiece(text: string): string {
  return Buffer.from(text).toString();
}

/** A part and its place among all. */
interface Placed {
  readonly part: Part;
  readonly index: number;
}

/** Nulls and empty lists behind one another are looked for in so many parts at once. */
const LONGEST_RUN = 6;

/** Whether a row may have nothing there, as most have in most such parts. */
const mayBeEmpty = ({ isNullable, isList }: Part) => isNullable || isList;

/** Parts that may be empty, behind one another; others by themselves. */
function runsOf(parts: readonly Part[]): readonly (readonly Placed[])[] {
  const runs: Placed[][] = [];
  for (const [index, part] of parts.entries()) {
    const run = runs.at(-1);
    const isSame = run?.every((placed) => mayBeEmpty(placed.part)) === true && mayBeEmpty(part);
    if (isSame && run.length < LONGEST_RUN) run.push({ part, index });
    else runs.push([{ part, index }]);
  }
  return runs;
}

/** Writes the code that writes a row, and keeps the texts that are in it. */
class RowCode {
  /** What may stand behind a value. */
  readonly #ends: readonly string[];
  readonly texts: (readonly string[])[] = [];

  constructor(private readonly parts: readonly Part[]) {
    this.#ends = [...new Set(['', ...parts.flatMap(({ plain }) => plain?.end ?? [])])];
  }

  get code(): string {
    const reads = this.parts.map((part, index) => this.#read(part, index));
    const steps = runsOf(this.parts).map((run) => this.#run(run));
    return [...reads, ...steps, `end += ${this.#ends.length};`].join('\n');
  }

  /** An expression: the text behind the last value. @param between what stands between the rows */
  behind(text: string, between = '},'): string {
    const ends = [...this.#ends, ...this.#ends.map((end) => end + between)];
    this.texts.push(ends.map((end) => inOnePiece(end + text)));
    return `texts${this.texts.length - 1}[end]`;
  }

  #read({ constant, property, link }: Part, index: number): string {
    if (constant !== undefined) return '';
    const linksBefore = this.parts.filter((part, place) => place < index && part.link !== undefined).length;
    if (link !== undefined) return `const value${index} = linked[${linksBefore}][index];`;
    return `const value${index} = ${property === undefined ? `read${index}(row)` : `row[${JSON.stringify(property)}]`};`;
  }

  #run(run: readonly Placed[]): string {
    const [first, ...others] = run;
    if (first === undefined) return '';
    const { part, index } = first;
    if (part.constant !== undefined) return this.#add(this.#start(first) + part.constant);
    if (!mayBeEmpty(part))
      return `if (value${index} === null || value${index} === undefined) cannot(); ${this.#value(first)}`;
    const areEmpty = run.map((each) => this.#isEmpty(each)).join(' && ');
    const empty = run.map((each) => this.#start(each) + (each.part.isNullable ? 'null' : '[]')).join('');
    const alone = others.length === 0 ? this.#value(first) : `${this.#run([first])} ${this.#run(others)}`;
    return `if (${areEmpty}) { ${this.#add(empty)} } else { ${alone} }`;
  }

  #start({ part, index }: Placed): string {
    return index === 0 ? `{${part.start}` : part.start;
  }

  #add(text: string): string {
    return `text += ${this.behind(text)}; end = 0;`;
  }

  #isEmpty({ part, index }: Placed): string {
    return part.isNullable
      ? `(value${index} === null || value${index} === undefined)`
      : `(Array.isArray(value${index}) && value${index}.length === 0)`;
  }

  #value(placed: Placed): string {
    const { part, index } = placed;
    const start = this.#start(placed);
    const written = `${this.#add(start)} text += write${index}(value${index});`;
    if (part.plain === undefined) {
      // Rows behind one another often lead to the same.
      return part.link === undefined
        ? written
        : `if (value${index} !== last${index}) { text${index} = write${index}(value${index}); last${index} = value${index}; }
          ${this.#add(start)} text += text${index};`;
    }
    const { open, end } = part.plain;
    return `const plain${index} = textOf${index}(value${index});
      if (plain${index} === undefined) { ${written} }
      else { text += ${this.behind(start + open)}; text += plain${index}; end = ${this.#ends.indexOf(end)}; }`;
  }
}

/**
 * Writes a function that writes rows. Each place in it reads one property and calls one writer, as in the adapter that makes rows of
 * their bytes. Of its text, only the names of properties are no constants here, and they are those of this program's own types.
 *
 * What an answer costs is above all how many pieces it is put together of. So what stands behind a value is one piece with what comes
 * before the next (`end` says which), and so are nulls and empty lists behind one another.
 */
function compileRows(parts: readonly Part[]): WriteRows {
  const rowCode = new RowCode(parts);
  const { code } = rowCode;
  const close = rowCode.behind(']', '}');
  const functions = parts.map(
    (_part, index) =>
      `const { read: read${index}, write: write${index}, plain: { textOf: textOf${index} } = {} } = parts[${index}];`,
  );
  const links = parts.flatMap(({ link }, index) => (link === undefined ? [] : `let last${index}, text${index};`));
  // eslint-disable-next-line @typescript-eslint/no-implied-eval -- no text of a client is in it, only names of this program's own types
  const make = new Function(
    'parts',
    'texts',
    'cannot',
    'isUnsettled',
    `const [${rowCode.texts.map((_text, index) => `texts${index}`).join()}] = texts;
    ${functions.join('\n')}
    return (rows, linked) => {
      let text = '[', end = 0;
      ${links.join('\n')}
      for (let index = 0; index < rows.length; index++) {
        const row = rows[index];
        if (row === null || row === undefined || isUnsettled(row)) cannot();
        ${code}
      }
      return text + ${close};
    };`,
  ) as (
    of: readonly Part[],
    texts: readonly (readonly string[])[],
    cannot: () => never,
    unsettled: typeof isUnsettled,
  ) => WriteRows;
  const cannot = () => {
    throw new CannotWrite();
  };
  return make(parts, rowCode.texts, cannot, isUnsettled);
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
    const waiting = new Set<Promise<unknown>>();
    for (const values of linked) for (const value of values) if (value instanceof Promise) waiting.add(value);
    const finish = () => new WrittenList(writeRows(rows, linked), rows.length);
    return waiting.size === 0 ? finish() : finishLater(waiting, linked, finish);
  } catch (error) {
    return refuse(error);
  }
}

/** What each row leads to, or a promise of it. */
function linkedTo(
  rows: readonly unknown[],
  { node, field, parent, reference }: Link,
  context: unknown,
  info: GraphQLResolveInfo,
): unknown[] {
  const { name: fieldName, resolve, type: returnType } = field;
  const linkInfo = { ...info, fieldName, fieldNodes: [node], returnType, parentType: parent };
  const resolved = (row: unknown): unknown => {
    try {
      return resolve?.(row, {}, context, linkInfo);
    } catch (cause) {
      // Waited for with the others, which nobody would hear of otherwise.
      return Promise.reject(new CannotWrite('A row leads to an error', { cause }));
    }
  };
  if (reference === undefined) return rows.map(resolved);
  let none: { readonly value: unknown } | undefined;
  let last: { readonly id: unknown; readonly value: unknown } | undefined;
  return rows.map((row) => {
    const id = (row as Readonly<Record<string, unknown>> | null | undefined)?.[reference.property];
    if (id === undefined) return resolved(row);
    if (id === null) return (none ??= { value: resolved(row) }).value;
    if (last?.id !== id) last = { id, value: resolved(row) };
    return last.value;
  });
}

function refuse(cause: unknown): never {
  throw cause instanceof CannotWrite ? cause : new CannotWrite('A list cannot be written', { cause });
}

/** Puts into their places what is waited for, and finishes. Rows often wait for the same. */
async function finishLater<Result>(
  waiting: ReadonlySet<Promise<unknown>>,
  linked: readonly unknown[][],
  finish: () => Result,
): Promise<Result> {
  try {
    const promises = [...waiting];
    const [first] = promises;
    const found = promises.length === 1 ? [await first] : await Promise.all(promises);
    const values = new Map<unknown, unknown>(promises.map((promise, index) => [promise, found[index]]));
    for (const list of linked) {
      for (let index = 0; index < list.length; index++) {
        if (list[index] instanceof Promise) list[index] = values.get(list[index]);
      }
    }
    return finish();
  } catch (error) {
    return refuse(error);
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
