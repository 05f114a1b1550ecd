import type { PrismaClient } from '../generated/prisma/client.js';

export interface Rows<Row> {
  readonly rows: Row[];
  /** Rows read, inserted, updated or deleted. */
  readonly rowCount: number;
}

/** SQL on one connection. A statement with a `name` is prepared once per connection: name the frequent ones. */
export interface Sql {
  query<Row>(text: string, values?: readonly unknown[], name?: string): Promise<Rows<Row>>;
}

/**
 * The database, PostgreSQL or PGlite, behind one pool. `prisma` and `sql` see the same tables. On PGlite the pool has one
 * connection: inside {@link Database.transaction} use the given `Sql` only, or the transaction waits for itself.
 */
export interface Database extends Sql {
  readonly prisma: PrismaClient;
  /** READ COMMITTED; rolled back when `work` throws. */
  transaction<Result>(work: (sql: Sql) => Promise<Result>): Promise<Result>;
  /** Resolves when a query answers; rejects when the database cannot be reached. */
  ping(): Promise<void>;
  close(): Promise<void>;
}
