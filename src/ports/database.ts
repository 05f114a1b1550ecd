import type { Prisma, PrismaClient } from '../generated/prisma/client.js';

export interface Rows<Row> {
  readonly rows: Row[];
  /** Rows read, inserted, updated or deleted. */
  readonly rowCount: number;
  /** In which the rows came, where that was counted: of named statements outside of transactions. */
  readonly bytes?: number;
}

/** The tables, as Prisma Client has them. */
export type Tables = Pick<PrismaClient, Prisma.TypeMap['meta']['modelProps']>;

/**
 * The tables, by Prisma Client and by SQL: both see the same rows. Which of the two a repository uses is in
 * docs/decisions/0016-prisma-client-or-sql.md.
 */
export interface Sql {
  readonly prisma: Tables;
  /** A statement with a `name` is prepared once per connection: name the frequent ones. */
  query<Row>(text: string, values?: readonly unknown[], name?: string): Promise<Rows<Row>>;
}

/** The rows of one owner, and the bytes in which they, and perhaps those of others, came. */
export interface List<Row> {
  readonly rows: readonly Row[];
  readonly bytes: number | undefined;
}

/** A statement that reads a list for each of several owners. */
export interface ListsStatement<Row> {
  /** Reads `$2` rows at most of each owner's list; the owners' ids are in `$1`, a `uuid[]`. */
  readonly text: string;
  readonly name: string | undefined;
  readonly size: number;
  /** The parameters from `$3` on. */
  readonly values: readonly unknown[];
  readonly ownerOf: (row: Row) => string;
  /** Whether calls at the same moment may share a statement, as those of {@link Database.sharedRead}. */
  readonly isShared: boolean;
}

/** A change that calls at the same moment may make by one statement. */
export interface SharedChangeParts<Input, Result> {
  /**
   * Changes of one group share a statement, unless two of them have a lock in common: then each has its own, as if there were no
   * others.
   */
  readonly sharingOf: (input: Input) => { readonly group: string; readonly locks: readonly string[] };
  readonly alone: (input: Input) => Promise<Result>;
  /**
   * Makes several changes by one statement, whole or not at all, and each as it would be made alone.
   * @returns what each came to, in the same order; undefined for one that it has left out, which is then made alone
   */
  readonly together: (inputs: readonly Input[]) => Promise<readonly (Result | undefined)[]>;
}

/**
 * The database, PostgreSQL or PGlite, behind one pool. On PGlite the pool has one connection: inside
 * {@link Database.transaction} use the given `Sql` only, its `prisma` included, or the transaction waits for itself.
 */
export interface Database extends Sql {
  readonly prisma: PrismaClient;
  /**
   * READ COMMITTED; rolled back when `work` throws. Where another transaction is in the way (a deadlock), `work` runs again from
   * the start: what it tells others it tells after the transaction.
   */
  transaction<Result>(work: (sql: Sql) => Promise<Result>): Promise<Result>;
  /**
   * Runs `work` so that all that it changes here, by whichever method and through whichever repository, is one transaction: it begins
   * with the first change, so that nothing is locked before, and {@link transaction} is a part of it. `seal` writes what `work` came
   * to, in the same transaction. When either throws, nothing is changed. Not for work that waits for others after its first change.
   * Where another transaction is in the way, `work` runs again from the start.
   */
  act<Result>(work: () => Promise<Result>, seal: (sql: Sql, result: Result) => Promise<void>): Promise<Result>;
  /**
   * Runs `work` outside of the current {@link act}, unless that has changed something already: for what counts whatever becomes of the
   * act, and need not begin its transaction.
   */
  beside<Result>(work: () => Promise<Result>): Promise<Result>;
  /**
   * Calls `tell` when what the current {@link act} changes can be seen by others, and at once outside of one.
   * @param otherwise called when the act came to nothing
   */
  afterCommit(tell: () => void, otherwise?: () => void): void;
  /**
   * Makes a read of one row by its id that calls at the same moment share: they go to the database as one statement. Each call is
   * answered from what the database has after the call was made, as by a statement of its own.
   * @param text reads the rows of the ids in `$1`, a `uuid[]`, each with its `id`
   */
  sharedRead<Row extends { readonly id: string }>(text: string, name: string): (id: string) => Promise<Row | null>;
  /**
   * Makes a change that calls at the same moment share. Where the statement of several fails, each is made alone, so that each has its
   * own answer; an outage is the answer of all. In an {@link act} it is made alone.
   */
  sharedChange<Input, Result>(parts: SharedChangeParts<Input, Result>): (input: Input) => Promise<Result>;
  /**
   * Reads the list of each owner, in the order of `ownerIds`. Where they are shared, calls with the same name, size and values go to
   * the database as one statement: rows are read-only, and `bytes` are those of all its lists. Each call gets the lists of the owners
   * that it names, and no others.
   */
  lists<Row>(ownerIds: readonly string[], statement: ListsStatement<Row>): Promise<readonly List<Row>[]>;
  /** Resolves when a query answers; rejects when the database cannot be reached. */
  ping(): Promise<void>;
  close(): Promise<void>;
}
