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
import { type ErrorCode, Unavailable } from '../../kernel/errors.js';
import { type Availability, UNREACHABLE } from './availability.js';
import type { PooledConnection } from './pooled-connection.js';
import { connectionToJoin } from './prisma-transaction.js';
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

/** Prisma's adapter, which throws `Unavailable` when it cannot reach the database. */
class GuardedAdapterFactory implements SqlDriverAdapterFactory {
  readonly provider: SqlDriverAdapterFactory['provider'];
  readonly adapterName: string;
  private readonly factory: PrismaPg;

  constructor(
    pool: pg.Pool,
    private readonly availability: Availability,
    private readonly scope: TransactionScope,
    private readonly nameStatement: NameStatement = statementNames(),
  ) {
    this.factory = new PrismaPg(pool, { statementNameGenerator: nameStatement });
    this.provider = this.factory.provider;
    this.adapterName = this.factory.adapterName;
  }

  async connect(): Promise<SqlDriverAdapter> {
    const adapter = await this.factory.connect();
    return {
      provider: adapter.provider,
      adapterName: adapter.adapterName,
      queryRaw: (query) => this.outside(() => adapter.queryRaw(query)),
      executeRaw: (query) => this.outside(() => adapter.executeRaw(query)),
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

  /** A transaction inside the current one of the connection, which is begun and ended elsewhere. */
  private async join(connection: PooledConnection): Promise<Transaction> {
    const pool = Object.assign(new pg.Pool(), { query: (query: pg.QueryConfig) => connection.run(query) });
    const adapter = await new PrismaPg(pool, { statementNameGenerator: this.nameStatement }).connect();
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
 * Restores `Unavailable`: Prisma replaces an error that has a code by an error of its own, with the call in the message. (At
 * the start of a transaction it passes the error on.)
 */
function withOwnErrors(client: PrismaClient) {
  return client.$extends({
    query: {
      $allOperations: async ({ args, query }) => {
        try {
          return (await query(args)) as unknown;
        } catch (error) {
          throw isRemade(error) ? new Unavailable(UNREACHABLE) : error;
        }
      },
    },
  });
}

function isRemade(error: unknown): boolean {
  return error instanceof Prisma.PrismaClientKnownRequestError && error.code === ('UNAVAILABLE' satisfies ErrorCode);
}

/**
 * Prisma on the pool of our own SQL. `maxWait` is longer than the pool's own limit, whose error is clearer; `timeout` is the
 * limit of a statement.
 */
export function createPrismaClient(pool: pg.Pool, availability: Availability, scope: TransactionScope): PrismaClient {
  const client = new PrismaClient({
    adapter: new GuardedAdapterFactory(pool, availability, scope),
    // Leaves the calling code out of messages, which would cost a stack trace per call.
    errorFormat: 'minimal',
    transactionOptions: { maxWait: 35_000, timeout: 15_000 },
  });
  // The types of an extended client lack `$on`, which is not used; otherwise this extension changes no types.
  return withOwnErrors(client) as unknown as PrismaClient;
}
