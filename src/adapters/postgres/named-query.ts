import pg from 'pg';
import type { Rows } from '../../ports/database.js';
import { valueParsers } from './value-parsers.js';

/** As callbacks of `pg` are: the rows are those of a statement that did not fail. */
export type Answered<Row> = (error: Error | null, rows: Rows<Row>) => void;

type Texts = readonly (string | null)[];
type MakeRow = (texts: Texts) => unknown;

/** A column, as the server describes it before the rows. */
export interface Column {
  readonly name: string;
  readonly dataTypeID: Parameters<typeof pg.types.getTypeParser>[0];
}

interface Shape {
  readonly columns: readonly Column[];
  readonly makeRow: MakeRow;
}

/** How the rows of each statement were made the last time, by its name. The names are those of this program. */
const shapes = new Map<string, Shape>();

function shapeOf(name: string, columns: readonly Column[]): Shape {
  const known = shapes.get(name);
  if (
    known?.columns.length === columns.length &&
    known.columns.every((column, index) => isSame(column, columns[index]))
  )
    return known;
  const shape = { columns, makeRow: compileRow(columns) };
  shapes.set(name, shape);
  return shape;
}

function isSame(one: Column, other: Column | undefined): boolean {
  return one.name === other?.name && one.dataTypeID === other.dataTypeID;
}

/**
 * Writes a function that makes a row of its columns' texts. An object literal has all of its properties at once, and each place in it
 * calls one parser: V8 makes such a row in a third of the time that a loop over names and parsers takes.
 */
function compileRow(columns: readonly Column[]): MakeRow {
  const parsers = columns.map(
    ({ dataTypeID }) => valueParsers.getTypeParser(dataTypeID, 'text') as (text: string) => unknown,
  );
  const properties = columns.map(({ name }, index) => {
    const text = `texts[${index}]`;
    return `[${JSON.stringify(name)}]: ${text} === null ? null : parsers[${index}](${text})`;
  });
  // eslint-disable-next-line @typescript-eslint/no-implied-eval -- its text is column names of this program's own statements, quoted, and numbers
  const make = new Function('parsers', `return (texts) => ({ ${properties.join(', ')} })`) as (of: unknown) => MakeRow;
  return make(parsers);
}

/** A named statement of `pg` that makes its rows by a function for its columns, which it keeps, and tells nobody of each row. */
export class NamedQuery<Row> extends pg.Query {
  declare private readonly name: string;
  declare private readonly text: string;
  declare private readonly values: readonly unknown[];
  declare private readonly callback: Answered<Row>;
  readonly #rows: Row[] = [];
  #rowCount = 0;
  #bytes = 0;
  #makeRow: MakeRow | undefined;
  #failure: Error | undefined;

  constructor(name: string, text: string, values: readonly unknown[], answered: Answered<Row>) {
    // An object would be copied, property by property.
    super(text);
    this.text = text;
    this.name = name;
    this.values = values;
    this.callback = answered;
  }

  handleRowDescription({ fields }: { readonly fields: readonly Column[] }): void {
    this.#makeRow = shapeOf(this.name, fields).makeRow;
  }

  handleDataRow({ fields, length }: { readonly fields: Texts; readonly length: number }): void {
    this.#bytes += length;
    if (this.#failure !== undefined || this.#makeRow === undefined) return;
    try {
      this.#rows.push(this.#makeRow(fields) as Row);
    } catch (error) {
      // Told when the server has sent the rest: the connection can be used again then.
      this.#failure = Error.isError(error) ? error : new Error('A row could not be read', { cause: error });
    }
  }

  handleCommandComplete({ text }: { readonly text: string }): void {
    // `SELECT 5`, `INSERT 0 1`
    this.#rowCount = Number(text.slice(text.lastIndexOf(' ') + 1)) || 0;
  }

  handleReadyForQuery(): void {
    this.callback(this.#failure ?? null, { rows: this.#rows, rowCount: this.#rowCount, bytes: this.#bytes });
  }
}
