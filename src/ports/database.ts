import type { Prisma, PrismaClient } from '../generated/prisma/client.js';

export interface Rows<Row> {
  readonly rows: Row[];
  /** Rows read, inserted, updated or deleted. */
  readonly rowCount: number;
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

/**
 * The database, PostgreSQL or PGlite, behind one pool. On PGlite the pool has one connection: inside
 * {@link Database.transaction} use the given `Sql` only, its `prisma` included, or the transaction waits for itself.
 */
export interface Database extends Sql {
  readonly prisma: PrismaClient;
  /** READ COMMITTED; rolled back when `work` throws. */
  transaction<Result>(work: (sql: Sql) => Promise<Result>): Promise<Result>;
  /** Resolves when a query answers; rejects when the database cannot be reached. */
  ping(): Promise<void>;
  close(): Promise<void>;
}
