import type pg from 'pg';
import type { PrismaClient } from '../../generated/prisma/client.js';
import type { Log } from '../../kernel/log.js';
import { Unavailable } from '../../kernel/errors.js';
import type { Database, Rows, Sql } from '../../ports/database.js';
import { Availability } from './availability.js';
import { PooledConnection } from './pooled-connection.js';
import { createPrismaClient } from './prisma-client.js';
import { PrismaTransaction } from './prisma-transaction.js';
import { TransactionScope } from './transaction-scope.js';

/** Health checks give up sooner than requests do: an orchestrator asks again in a few seconds. */
const PING_MS = 2_000;

export interface OpenedDatabase extends Database {
  /** Product, version and place, for the start-up log; without credentials. */
  readonly description: string;
  /** Whether the database runs inside this process. */
  readonly embedded: boolean;
}

export interface PoolDatabaseOptions extends Pick<OpenedDatabase, 'description' | 'embedded'> {
  readonly pool: pg.Pool;
  readonly logger: Log;
  /** What to close with the database, the pool included. */
  readonly resources: AsyncDisposableStack;
}

/**
 * The database over one `pg.Pool`, whichever server is behind it.
 *
 * Values: `bigint` (so `count(*)`) comes as a number and throws past 2^53 - 1, `date` as midnight UTC, `numeric` as text,
 * `jsonb` parsed, arrays as arrays. An array given as a value is a PostgreSQL array: give JSON as `JSON.stringify(value)`.
 *
 * Every method throws `Unavailable` when the database cannot be reached. A statement takes 15 s at most on PostgreSQL.
 */
export class PoolDatabase implements OpenedDatabase {
  readonly prisma: PrismaClient;
  readonly description: string;
  readonly embedded: boolean;
  private readonly pool: pg.Pool;
  private readonly resources: AsyncDisposableStack;
  private readonly availability: Availability;
  private readonly scope = new TransactionScope();

  constructor({ pool, description, embedded, logger, resources }: PoolDatabaseOptions) {
    this.pool = pool;
    this.resources = resources;
    this.description = description;
    this.embedded = embedded;
    this.availability = new Availability(logger);
    this.prisma = createPrismaClient(pool, this.availability, this.scope);
    resources.defer(() => this.prisma.$disconnect());
  }

  async query<Row>(text: string, values?: readonly unknown[], name?: string): Promise<Rows<Row>> {
    this.scope.assertOutside();
    const connection = await PooledConnection.borrow(this.pool, this.availability);
    try {
      return await connection.query<Row>(text, values, name);
    } finally {
      connection.release();
    }
  }

  async transaction<Result>(work: (sql: Sql) => Promise<Result>): Promise<Result> {
    this.scope.assertOutside();
    const connection = await PooledConnection.borrow(this.pool, this.availability);
    const prisma = new PrismaTransaction(this.prisma, connection);
    const sql: Sql = { prisma: prisma.tables, query: (...statement) => connection.query(...statement) };
    try {
      await connection.command('BEGIN ISOLATION LEVEL READ COMMITTED');
      const result = await this.scope.run(() => work(sql));
      // The server answers COMMIT with ROLLBACK, and no error, when a statement failed and `work` went on regardless.
      if ((await connection.command('COMMIT')) !== 'COMMIT') {
        throw new Error('The transaction was rolled back: one of its statements had failed');
      }
      return result;
    } catch (error) {
      // A connection that cannot roll back is marked as broken by the attempt, and closing it rolls back too.
      if (!connection.broken) await connection.command('ROLLBACK').catch(() => undefined);
      throw error;
    } finally {
      await prisma.end();
      connection.release();
    }
  }

  /** @throws Unavailable also when no answer came within 2 s */
  async ping(): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const timeout = new Promise<never>((_, reject) => {
      timer = setTimeout(() => {
        reject(new Unavailable('The database did not answer in time'));
      }, PING_MS);
    });
    try {
      await Promise.race([this.query('SELECT 1'), timeout]);
    } finally {
      clearTimeout(timer);
    }
  }

  /** Waits for running statements, then lets go of everything; more calls do nothing. */
  async close(): Promise<void> {
    await this.resources.disposeAsync();
  }
}
