import pg from 'pg';
import type { Rows } from '../../ports/database.js';
import { preparedCall } from './prepared-call.js';
import { COUNT_BYTES, compileRow, type Column, type MakeRow } from './row-maker.js';
import type { RowMessage } from './row-messages.js';

/** As callbacks of `pg` are: the rows are those of a statement that did not fail. */
export type Answered<Row> = (error: Error | null, rows: Rows<Row>) => void;

interface Shape {
  readonly columns: readonly Column[];
  readonly makeRow: MakeRow;
}

/** The shape of a statement that answers without rows. */
const NO_SHAPE: Shape = { columns: [], makeRow: () => undefined };

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
 * What the server has described on each connection, by the statement's name. It answers a prepared statement by the same columns
 * for as long as the connection lives, or refuses it, so that it need not say them each time.
 */
const described = new WeakMap<pg.Connection, Map<string, Shape>>();

function hasPrepared(connection: pg.Connection, name: string, text: string): boolean {
  const { parsedStatements } = connection as { readonly parsedStatements?: Readonly<Record<string, string>> };
  return parsedStatements?.[name] === text;
}

/** `pg` calls the method; its types have a property. */
const SubmittedQuery = pg.Query as unknown as new (text: string) => {
  /** @returns what is wrong with the statement */
  submit(connection: pg.Connection): Error | null;
};

/**
 * A named statement of `pg` that makes its rows by a function for its columns, which it keeps, and tells nobody of each row. Once its
 * connection knows it, it is one message to write, without the question what its columns are.
 */
export class NamedQuery<Row> extends SubmittedQuery {
  declare private readonly name: string;
  declare private readonly text: string;
  declare private readonly values: readonly unknown[];
  declare private readonly callback: Answered<Row>;
  readonly #rows: Row[] = [];
  #rowCount = 0;
  #bytes = 0;
  /** The connection that is to say what the columns are; undefined where it has said so before. */
  #describing: pg.Connection | undefined;
  #shape = NO_SHAPE;
  #failure: Error | undefined;

  constructor(name: string, text: string, values: readonly unknown[], answered: Answered<Row>) {
    // An object would be copied, property by property.
    super(text);
    this.text = text;
    this.name = name;
    this.values = values;
    this.callback = answered;
  }

  override submit(connection: pg.Connection): Error | null {
    const shape = described.get(connection)?.get(this.name);
    const call =
      shape !== undefined && hasPrepared(connection, this.name, this.text)
        ? preparedCall(this.name, this.values)
        : undefined;
    if (shape === undefined || call === undefined) {
      this.#describing = connection;
      return super.submit(connection);
    }
    this.#shape = shape;
    connection.stream.write(call);
    return null;
  }

  handleRowDescription({ fields }: { readonly fields: readonly Column[] }): void {
    this.#shape = shapeOf(this.name, fields);
  }

  handleDataRow({ bytes, start, end, length }: Pick<RowMessage, 'bytes' | 'start' | 'end' | 'length'>): void {
    this.#bytes += length;
    if (this.#failure !== undefined) return;
    const { columns, makeRow } = this.#shape;
    try {
      if (bytes.readInt16BE(start) !== columns.length) throw new Error('A row has other columns than were described');
      this.#rows.push(makeRow(bytes, start + COUNT_BYTES, end) as Row);
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
    if (this.#failure === undefined && this.#describing !== undefined) this.#keepShape(this.#describing);
    this.callback(this.#failure ?? null, { rows: this.#rows, rowCount: this.#rowCount, bytes: this.#bytes });
  }
  #keepShape(connection: pg.Connection): void {
    const known = described.get(connection) ?? new Map<string, Shape>();
    if (known.size === 0) described.set(connection, known);
    known.set(this.name, this.#shape);
  }
}
