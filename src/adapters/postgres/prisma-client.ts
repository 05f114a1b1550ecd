import { createHash } from 'node:crypto';
import { PrismaPg } from '@prisma/adapter-pg';
import type {
  IsolationLevel,
  SqlDriverAdapter,
  SqlDriverAdapterFactory,
  SqlQuery,
  Transaction,
} from '@prisma/driver-adapter-utils';
import { LRUCache } from 'lru-cache';
import pg from 'pg';
import { Prisma, PrismaClient } from '../../generated/prisma/client.js';
import { type Availability, DatabaseUnavailable } from './availability.js';
import type { PooledConnection } from './pooled-connection.js';
import { connectionToJoin } from './prisma-transaction.js';
import { isMixedUp, isStaleStatement } from './connection-failure.js';
import type { NamedStatements } from './named-statements.js';
import { retrying } from './retry.js';
import type { TransactionScope } from './transaction-scope.js';

/**
 * Maximum named statements. Each connection keeps them until it closes, at some 100 KB for one with a joined list (PostgreSQL
 * 15, `pg_backend_memory_contexts`): 100 are 10 MB per connection.
 */
const MAX_NAMED_STATEMENTS = 100;
const MAX_CANDIDATES = 1_000;

/**
 * Names prepared statements, so that the server plans a repeated query only once. A text gets its name when it is seen for the
 * second time, and the number of names is limited, so that lists of varying length (`IN ($1, ..., $n)`) cannot fill the
 * connections. The name is a hash of the text, so all processes behind a pooler use the same.
 */
export function statementNames(maxNames = MAX_NAMED_STATEMENTS): (query: Pick<SqlQuery, 'sql'>) => string {
  const names = new Map<string, string>();
  const seenOnce = new LRUCache<string, true>({ max: MAX_CANDIDATES });
  return ({ sql }) => {
    const known = names.get(sql);
    if (known !== undefined) return known;
    if (names.size >= maxNames) return '';
    if (!seenOnce.has(sql)) {
      seenOnce.set(sql, true);
      return '';
    }
    seenOnce.delete(sql);
    const name = `prisma_${createHash('sha256').update(sql).digest('hex').slice(0, 24)}`;
    names.set(sql, name);
    return name;
  };
}

type NameStatement = (query: Pick<SqlQuery, 'sql'>) => string;
type PrismaPgOptions = NonNullable<ConstructorParameters<typeof PrismaPg>[1]>;

interface PrismaClientNeeds {
  readonly pool: pg.Pool;
  readonly availability: Availability;
  readonly scope: TransactionScope;
  readonly names: NamedStatements;
  /** Where the tables are; `public` when undefined. */
  readonly schema: string | undefined;
}

/** Prisma's adapter, which throws `Unavailable` when it cannot reach the database. */
class GuardedAdapterFactory implements SqlDriverAdapterFactory {
  readonly provider: SqlDriverAdapterFactory['provider'];
  readonly adapterName: string;
  private readonly factory: PrismaPg;
  private readonly options: PrismaPgOptions;
  private readonly availability: Availability;
  private readonly scope: TransactionScope;
  private readonly names: NamedStatements;

  constructor(
    { pool, availability, scope, names, schema }: PrismaClientNeeds,
    nameOf: NameStatement = statementNames(),
  ) {
    this.availability = availability;
    this.scope = scope;
    this.names = names;
    const statementNameGenerator: NameStatement = (query) => this.names.allowed(nameOf(query)) ?? '';
    // Prisma writes the schema into its statements, whatever the search path of the session is.
    this.options = { statementNameGenerator, ...(schema === undefined ? {} : { schema }) };
    this.factory = new PrismaPg(pool, this.options);
    this.provider = this.factory.provider;
    this.adapterName = this.factory.adapterName;
  }

  async connect(): Promise<SqlDriverAdapter> {
    const adapter = await this.factory.connect();
    return {
      provider: adapter.provider,
      adapterName: adapter.adapterName,
      queryRaw: (query) => this.statement(() => adapter.queryRaw(query)),
      executeRaw: (query) => this.statement(() => adapter.executeRaw(query)),
      executeScript: (script) => this.outside(() => adapter.executeScript(script)),
      startTransaction: async (isolationLevel?: IsolationLevel) => {
        const connection = connectionToJoin();
        if (connection !== undefined) return this.join(connection);
        return this.guardTransaction(await this.outside(() => adapter.startTransaction(isolationLevel)));
      },
      getConnectionInfo: () => adapter.getConnectionInfo(),
      dispose: () => adapter.dispose(),
    };
  }

  // Async, so that an error of assertOutside is a rejection.
  private async outside<Result>(work: () => Promise<Result>): Promise<Result> {
    this.scope.assertOutside();
    return this.availability.watch(work);
  }

  /** Runs one statement, again if it may: the pool has dropped the connection that it failed on. */
  private statement<Result>(work: () => Promise<Result>): Promise<Result> {
    return retrying(
      () => this.outside(work),
      (error) => {
        if (isMixedUp(error)) this.names.wereMixedUp();
        return isStaleStatement(error) || isConflict(error);
      },
      this.availability,
    );
  }

  /** A transaction inside the current one of the connection, which is begun and ended elsewhere. */
  private async join(connection: PooledConnection): Promise<Transaction> {
    const pool = Object.assign(new pg.Pool(), { query: (query: pg.QueryConfig) => connection.run(query) });
    const adapter = await new PrismaPg(pool, this.options).connect();
    const nothing = () => Promise.resolve();
    return this.guardTransaction({
      provider: adapter.provider,
      adapterName: adapter.adapterName,
      // Keeps Prisma from sending COMMIT and ROLLBACK.
      options: { usePhantomQuery: true },
      queryRaw: (query) => adapter.queryRaw(query),
      executeRaw: (query) => adapter.executeRaw(query),
      commit: nothing,
      rollback: nothing,
    });
  }

  private guardTransaction(transaction: Transaction): Transaction {
    return {
      provider: transaction.provider,
      adapterName: transaction.adapterName,
      options: transaction.options,
      queryRaw: (query) => this.availability.watch(() => transaction.queryRaw(query)),
      executeRaw: (query) => this.availability.watch(() => transaction.executeRaw(query)),
      commit: () => transaction.commit(),
      rollback: () => transaction.rollback(),
      createSavepoint: async (name) => transaction.createSavepoint?.(name),
      rollbackToSavepoint: async (name) => transaction.rollbackToSavepoint?.(name),
      releaseSavepoint: async (name) => transaction.releaseSavepoint?.(name),
    };
  }
}

/**
 * Restores our error: Prisma replaces an error that has a code by an error of its own, with the call in the message. (At
 * the start of a transaction it passes the error on.)
 */
function withOwnErrors(client: PrismaClient) {
  return client.$extends({
    query: {
      $allOperations: async ({ args, query }) => {
        try {
          return (await query(args)) as unknown;
        } catch (error) {
          throw originalOf(error) ?? error;
        }
      },
    },
  });
}

function originalOf(error: unknown): DatabaseUnavailable | undefined {
  const unavailable = error instanceof Prisma.PrismaClientKnownRequestError && error.meta?.['unavailable'];
  return unavailable instanceof DatabaseUnavailable ? unavailable : undefined;
}

function isConflict(error: unknown): boolean {
  return error instanceof DatabaseUnavailable && error.failure === 'conflict';
}

/**
 * Prisma on the pool of our own SQL. `maxWait` is longer than the pool's own limit, whose error is clearer; `timeout` is the
 * limit of a statement.
 */
export function createPrismaClient(needs: PrismaClientNeeds): PrismaClient {
  const client = new PrismaClient({
    adapter: new GuardedAdapterFactory(needs),
    // Leaves the calling code out of messages, which would cost a stack trace per call.
    errorFormat: 'minimal',
    transactionOptions: { maxWait: 35_000, timeout: 15_000 },
  });
  // The types of an extended client lack `$on`, which is not used; otherwise this extension changes no types.
  return withOwnErrors(client) as unknown as PrismaClient;
}
