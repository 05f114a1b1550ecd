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

/** Time limit of health checks; shorter than that of requests, since an orchestrator asks again after a few seconds. */
const PING_MS = 2_000;

export interface OpenedDatabase extends Database {
  /** Product, version and location for the start-up log, without credentials. */
  readonly description: string;
  /** Whether the database runs inside this process. */
  readonly embedded: boolean;
}

export interface PoolDatabaseOptions extends Pick<OpenedDatabase, 'description' | 'embedded'> {
  readonly pool: pg.Pool;
  readonly logger: Log;
  /** Resources that are closed with the database, the pool included. */
  readonly resources: AsyncDisposableStack;
}

/**
 * The database over a `pg.Pool`, whichever server is behind it.
 *
 * Values: `bigint` (such as `count(*)`) becomes a number, and throws past 2^53 - 1; `date` becomes midnight UTC; `numeric`
 * stays text; `jsonb` is parsed; arrays become arrays. An array parameter is a PostgreSQL array: pass JSON as
 * `JSON.stringify(value)`.
 *
 * Every method throws `Unavailable` when the database cannot be reached. On a PostgreSQL server, a statement may take 15 s.
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
      const result = await this.scope
        .run(() => work(sql))
        .finally(() => {
          connection.end();
        });
      // If a statement failed and `work` ignored the error, the server answers COMMIT with ROLLBACK, without an error.
      if ((await connection.command('COMMIT')) !== 'COMMIT') {
        throw new Error('The transaction was rolled back: one of its statements had failed');
      }
      return result;
    } catch (error) {
      // If ROLLBACK fails, the connection is marked as broken and closed, which rolls back too.
      if (!connection.broken) await connection.command('ROLLBACK').catch(() => undefined);
      throw error;
    } finally {
      await prisma.end();
      connection.release();
    }
  }

  /** @throws Unavailable also when there is no answer within 2 s */
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

  /** Waits for running statements, then releases everything. Further calls do nothing. */
  async close(): Promise<void> {
    await this.resources.disposeAsync();
  }
}
