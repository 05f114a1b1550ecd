import { Invalid, type Fault } from './errors.js';
import { isUuid } from './ids.js';

/** Maximum rows per page. */
export const MAX_PAGE_SIZE = 100;
export const DEFAULT_PAGE_SIZE = 20;
/** Bytes of a page's rows, about: 100 of the largest messages would be 100 MB. One row is a page, however large. */
export const MAX_PAGE_BYTES = 8_388_608;
/** Maximum `offset`: beyond it a client should follow cursors, which cost the same at any depth. */
export const MAX_OFFSET = 1_000_000;

/** Relay connection arguments (https://relay.dev/graphql/connections.htm), and `offset` for REST's `skip`. */
export interface PageArguments {
  readonly first?: number | null | undefined;
  readonly after?: string | null | undefined;
  readonly last?: number | null | undefined;
  readonly before?: string | null | undefined;
  readonly offset?: number | null | undefined;
}

/** A page as a repository reads it: `size` rows in list order (`forward`) or from its far end. Ids bound it, exclusively. */
export interface PageRequest {
  readonly size: number;
  readonly forward: boolean;
  readonly after: string | null;
  /** In a list that is ordered by a time: the time of the row `after`. */
  readonly afterTime?: Date | null;
  readonly before: string | null;
  readonly offset: number;
  /** Whether the client finds the next page by counting: it would miss the rows of a page that ends early. */
  readonly isCounted: boolean;
}

/** How much of each row a list reads: all columns, those that REST shows, or the few that most readers ask for. */
export type RowPart = 'all' | 'shown' | 'few';

/** The result of a read: rows in list order, and whether there are more before or after them. */
export interface Page<Row> {
  readonly rows: readonly Row[];
  readonly hasNextPage: boolean;
  readonly hasPreviousPage: boolean;
  /** Where the read ended, when that is not at its last row: the id after which it goes on. */
  readonly end?: string | null;
}

export interface Edge<Row> {
  readonly cursor: string;
  readonly node: Row;
}

export interface Connection<Row> {
  readonly edges: readonly Edge<Row>[];
  readonly nodes: readonly Row[];
  readonly pageInfo: {
    readonly hasNextPage: boolean;
    readonly hasPreviousPage: boolean;
    readonly startCursor: string | null;
    readonly endCursor: string | null;
  };
  /** Counted only when a client asks for `totalCount`. */
  readonly countAll: () => Promise<number>;
}

/** Where a cursor points. */
interface Position {
  readonly id: string;
  /** Null in lists that are ordered by id. */
  readonly time: Date | null;
}

/**
 * Cursors are opaque to clients; the version lets the format change without breaking a cursor that a client kept. Version 1
 * has the id of a row, version 2 also the time by which its list is ordered.
 */
function encodeCursor({ id, time }: Position): string {
  return Buffer.from(time === null ? `1:${id}` : `2:${time.getTime()}:${id}`).toString('base64url');
}

function decodeCursor(cursor: string): Position | undefined {
  const [, milliseconds, id] =
    /^(?:1|2:(\d{1,15})):([0-9a-f-]{36})$/i.exec(Buffer.from(cursor, 'base64url').toString('latin1')) ?? [];
  if (id === undefined || !isUuid(id)) return undefined;
  return { id, time: milliseconds === undefined ? null : new Date(Number(milliseconds)) };
}

/**
 * Reads connection arguments strictly: sizes from 1 to {@link MAX_PAGE_SIZE}, one direction at a time.
 * @param order of the list; cursors of a list in another order are refused
 * @throws Invalid naming every fault
 */
export function pageRequest(args: PageArguments, order: 'id' | 'time' = 'id'): PageRequest {
  const faults: Fault[] = [];
  const size = (name: 'first' | 'last') => {
    const value = args[name];
    if (value != null && (value < 1 || value > MAX_PAGE_SIZE)) {
      faults.push({ field: name, message: `must be from 1 to ${MAX_PAGE_SIZE}` });
    }
    return value ?? null;
  };
  const cursor = (name: 'after' | 'before') => {
    const value = args[name];
    if (value == null) return null;
    const position = decodeCursor(value);
    if (position !== undefined && (position.time !== null) === (order === 'time')) return position;
    faults.push({ field: name, message: 'is not a cursor of this list' });
    return null;
  };
  const first = size('first');
  const last = size('last');
  if (first !== null && last !== null) faults.push({ field: 'last', message: 'cannot be combined with first' });
  const after = cursor('after');
  const before = cursor('before');
  const offset = args.offset ?? 0;
  if (offset < 0 || offset > MAX_OFFSET) {
    faults.push({ field: 'offset', message: `must be from 0 to ${MAX_OFFSET}` });
  }
  if (faults.length > 0) throw new Invalid(faults);
  const forward = last === null && (first !== null || before === null);
  return {
    size: first ?? last ?? DEFAULT_PAGE_SIZE,
    forward,
    after: after?.id ?? null,
    afterTime: after?.time ?? null,
    before: before?.id ?? null,
    offset,
    isCounted: args.offset != null,
  };
}

/** Whether the page begins where its list does, as most that are asked for. */
export function isFirstPage({ after, before, offset }: PageRequest): boolean {
  return after === null && before === null && offset === 0;
}

/**
 * Cuts a read of `size + 1` rows, in reading order, to a page in list order. A page of more than {@link MAX_PAGE_BYTES} ends
 * early; its cursors lead on.
 * @param sent the bytes in which these rows, and perhaps others, came
 * @throws Invalid instead for a client that counts
 */
export function pageOf<Row>(request: PageRequest, read: readonly Row[], sent?: number): Page<Row> {
  const size = Math.min(request.size, areSmall(read, sent) ? read.length : rowsWithin(MAX_PAGE_BYTES, read));
  if (request.isCounted && size < Math.min(request.size, read.length)) {
    throw new Invalid([{ field: 'first', message: `must be ${size} at most here: the rows are large` }]);
  }
  const more = read.length > size;
  const rows = read.slice(0, size);
  return request.forward
    ? { rows, hasNextPage: more, hasPreviousPage: request.after !== null || request.offset > 0 }
    : { rows: rows.reverse(), hasNextPage: request.before !== null, hasPreviousPage: more };
}

/**
 * A page of a read that looks at so many rows and no more, whether enough of them suit or not: its cursor leads on from there.
 * @param end the id of the last row that was looked at, where there are more behind it; null for none
 * @throws Invalid naming `field` where there are more, for a client that counts
 */
export function boundedPageOf<Row>(
  request: PageRequest,
  read: readonly Row[],
  end: string | null,
  field: string,
): Page<Row> {
  const page = pageOf(request, read);
  if (end === null || page.hasNextPage) return page;
  if (request.isCounted) {
    throw new Invalid([
      { field, message: 'is found too rarely to count through: leave offset out, and follow the cursors' },
    ]);
  }
  return { ...page, hasNextPage: true, end };
}

/** A value takes at most so many times the bytes in which the database sends it: a list of digits three times as many. */
const MOST_GROWTH = 4;
/** Bytes for the names of a row's columns, and for those that are null, at most. */
const MOST_NAMES = 1_000;

/** Whether the rows need not be measured, as almost none need: to look at all that is in them costs as much as to read them. */
function areSmall(rows: readonly unknown[], sent: number | undefined): boolean {
  return sent !== undefined && sent * MOST_GROWTH + rows.length * MOST_NAMES <= MAX_PAGE_BYTES;
}

/** How many of the first rows have so many bytes together, but one at least. */
function rowsWithin(bytes: number, rows: readonly unknown[]): number {
  let left = bytes;
  for (const [index, row] of rows.entries()) {
    left -= sizeOf(row);
    if (left < 0) return Math.max(1, index);
  }
  return rows.length;
}

/** About as many bytes as the value's JSON has. */
function sizeOf(value: unknown): number {
  if (typeof value === 'string') return value.length < 1_000 ? value.length + 2 : Buffer.byteLength(value) + 2;
  if (typeof value !== 'object' || value === null) return 8;
  if (value instanceof Date) return 26;
  let size = 2;
  if (Array.isArray(value)) {
    for (const item of value) size += sizeOf(item) + 1;
    return size;
  }
  // Every row of a list is measured: a list of its entries would cost several times as much.
  for (const key in value) {
    if (Object.hasOwn(value, key)) size += key.length + sizeOf((value as Record<string, unknown>)[key]) + 4;
  }
  return size;
}

/** A page whose cursors are made when they are asked for: most clients read the nodes alone. */
class PageConnection<Row extends { readonly id: string }> implements Connection<Row> {
  readonly nodes: readonly Row[];

  constructor(
    private readonly page: Page<Row>,
    readonly countAll: () => Promise<number>,
    private readonly timeOf: (row: Row) => Date | null,
  ) {
    this.nodes = page.rows;
  }

  get edges(): readonly Edge<Row>[] {
    return this.nodes.map((node) => ({ cursor: this.cursorOf(node), node }));
  }

  get pageInfo(): Connection<Row>['pageInfo'] {
    const { hasNextPage, hasPreviousPage, end } = this.page;
    const [first, last] = [this.nodes.at(0), this.nodes.at(-1)];
    const lastCursor = last === undefined ? null : this.cursorOf(last);
    return {
      hasNextPage,
      hasPreviousPage,
      startCursor: first === undefined ? null : this.cursorOf(first),
      endCursor: end == null ? lastCursor : encodeCursor({ id: end, time: null }),
    };
  }

  private cursorOf(row: Row): string {
    return encodeCursor({ id: row.id, time: this.timeOf(row) });
  }
}

/** @param timeOf the time by which the list is ordered; by default it is ordered by id */
export function connectionOf<Row extends { readonly id: string }>(
  page: Page<Row>,
  countAll: () => Promise<number>,
  timeOf: (row: Row) => Date | null = () => null,
): Connection<Row> {
  return new PageConnection(page, countAll, timeOf);
}
