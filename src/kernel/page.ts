import { Invalid, type Fault } from './errors.js';
import { isUuid } from './ids.js';

/** Maximum rows per page. */
export const MAX_PAGE_SIZE = 100;
export const DEFAULT_PAGE_SIZE = 20;
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
  readonly before: string | null;
  readonly offset: number;
}

/** The result of a read: rows in list order, and whether there are more before or after them. */
export interface Page<Row> {
  readonly rows: readonly Row[];
  readonly hasNextPage: boolean;
  readonly hasPreviousPage: boolean;
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

/** Cursors are opaque to clients; the version lets the format change without breaking a cursor that a client kept. */
function encodeCursor(id: string): string {
  return Buffer.from(`1:${id}`).toString('base64url');
}

function decodeCursor(cursor: string): string | undefined {
  const text = Buffer.from(cursor, 'base64url').toString('latin1');
  const id = text.slice(2);
  return text.startsWith('1:') && isUuid(id) ? id : undefined;
}

/**
 * Reads connection arguments strictly: sizes from 1 to {@link MAX_PAGE_SIZE}, one direction at a time.
 * @throws Invalid naming every fault
 */
export function pageRequest(args: PageArguments, defaultSize = DEFAULT_PAGE_SIZE): PageRequest {
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
    const id = decodeCursor(value);
    if (id === undefined) faults.push({ field: name, message: 'is not a cursor of this list' });
    return id ?? null;
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
  return { size: first ?? last ?? defaultSize, forward, after, before, offset };
}

/** Cuts a read of `size + 1` rows, in reading order, to a page in list order. */
export function pageOf<Row>(request: PageRequest, read: readonly Row[]): Page<Row> {
  const more = read.length > request.size;
  const rows = read.slice(0, request.size);
  return request.forward
    ? { rows, hasNextPage: more, hasPreviousPage: request.after !== null || request.offset > 0 }
    : { rows: rows.reverse(), hasNextPage: request.before !== null, hasPreviousPage: more };
}

export function connectionOf<Row extends { readonly id: string }>(
  page: Page<Row>,
  countAll: () => Promise<number>,
): Connection<Row> {
  const edges = page.rows.map((node) => ({ cursor: encodeCursor(node.id), node }));
  return {
    edges,
    nodes: page.rows,
    pageInfo: {
      hasNextPage: page.hasNextPage,
      hasPreviousPage: page.hasPreviousPage,
      startCursor: edges.at(0)?.cursor ?? null,
      endCursor: edges.at(-1)?.cursor ?? null,
    },
    countAll,
  };
}
