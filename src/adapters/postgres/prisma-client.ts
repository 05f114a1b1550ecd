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
import type pg from 'pg';
import { Prisma, PrismaClient } from '../../generated/prisma/client.js';
import { type ErrorCode, Unavailable } from '../../kernel/errors.js';
import { type Availability, UNREACHABLE } from './availability.js';
import type { TransactionScope } from './transaction-scope.js';

/**
 * Every connection keeps every named statement until it closes, at some 100 KB for one with a joined list (PostgreSQL 15,
 * `pg_backend_memory_contexts`): 100 are 10 MB a connection.
 */
const MAX_NAMED_STATEMENTS = 100;
const MAX_CANDIDATES = 1_000;

/**
 * Names for prepared statements, which spare the server the planning of a query it knows. A text gets its name the second
 * time it is seen, and only so many do, so that lists of varying length (`IN ($1, ..., $n)`) cannot fill the connections.
 * A name follows from its text alone: processes behind one pooler agree.
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

/** Prisma's adapter, throwing `Unavailable` when it cannot reach the database. */
function guardedAdapter(pool: pg.Pool, availability: Availability, scope: TransactionScope): SqlDriverAdapterFactory {
  const factory = new PrismaPg(pool, { statementNameGenerator: statementNames() });
  return {
    provider: factory.provider,
    adapterName: factory.adapterName,
    connect: async () => guardAdapter(await factory.connect(), availability, scope),
  };
}

function guardAdapter(
  adapter: SqlDriverAdapter,
  availability: Availability,
  scope: TransactionScope,
): SqlDriverAdapter {
  const outside = <Result>(work: () => Promise<Result>): Promise<Result> => {
    scope.assertOutside();
    return availability.watch(work);
  };
  return {
    provider: adapter.provider,
    adapterName: adapter.adapterName,
    queryRaw: async (query) => outside(() => adapter.queryRaw(query)),
    executeRaw: async (query) => outside(() => adapter.executeRaw(query)),
    executeScript: async (script) => outside(() => adapter.executeScript(script)),
    startTransaction: async (isolationLevel?: IsolationLevel) =>
      guardTransaction(await outside(() => adapter.startTransaction(isolationLevel)), availability),
    getConnectionInfo: () => adapter.getConnectionInfo?.() ?? { supportsRelationJoins: true },
    dispose: () => adapter.dispose(),
  };
}

function guardTransaction(transaction: Transaction, availability: Availability): Transaction {
  return {
    provider: transaction.provider,
    adapterName: transaction.adapterName,
    options: transaction.options,
    queryRaw: (query) => availability.watch(() => transaction.queryRaw(query)),
    executeRaw: (query) => availability.watch(() => transaction.executeRaw(query)),
    commit: () => transaction.commit(),
    rollback: () => transaction.rollback(),
    createSavepoint: async (name) => transaction.createSavepoint?.(name),
    rollbackToSavepoint: async (name) => transaction.rollbackToSavepoint?.(name),
    releaseSavepoint: async (name) => transaction.releaseSavepoint?.(name),
  };
}

/**
 * Prisma remakes an error that has a code as one of its own, with the source of the call and its arguments in the message:
 * this gives `Unavailable` back its form. (The start of a transaction passes it on as it is.)
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
 * Prisma on the same pool as our own SQL. `maxWait` is longer than the pool's own limit, whose error says what is wrong;
 * `timeout` is that of a statement.
 */
export function createPrismaClient(pool: pg.Pool, availability: Availability, scope: TransactionScope): PrismaClient {
  const client = new PrismaClient({
    adapter: guardedAdapter(pool, availability, scope),
    transactionOptions: { maxWait: 35_000, timeout: 15_000 },
  });
  // The types of a client with an extension say nothing of `$on`, which nobody uses; for the rest this one changes nothing.
  return withOwnErrors(client) as unknown as PrismaClient;
}
