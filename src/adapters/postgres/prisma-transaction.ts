import { AsyncLocalStorage } from 'node:async_hooks';
import type { PrismaClient } from '../../generated/prisma/client.js';
import type { Tables } from '../../ports/database.js';
import type { PooledConnection } from './pooled-connection.js';

/** Effectively no time limit: the transaction that Prisma's joins has its own. */
const TIMEOUT_MS = 3_600_000;

/** The connection whose transaction Prisma joins in the current call. */
const joining = new AsyncLocalStorage<PooledConnection>();

export function connectionToJoin(): PooledConnection | undefined {
  return joining.getStore();
}

/**
 * Prisma inside a transaction of a {@link PooledConnection}: a Prisma transaction that uses the connection, but neither begins
 * nor ends anything on it. It starts on first use, since it costs as much as a statement and most transactions only use SQL.
 */
export class PrismaTransaction {
  readonly tables: Tables;
  private readonly work = Promise.withResolvers<undefined>();
  private begun: Promise<Tables> | undefined;
  private ended: Promise<unknown> = Promise.resolve();

  constructor(
    private readonly prisma: PrismaClient,
    private readonly connection: PooledConnection,
  ) {
    this.tables = tablesOf(() => (this.begun ??= this.begin()));
  }

  /** Releases the connection; writes remain part of its transaction. */
  async end(): Promise<void> {
    this.work.resolve(undefined);
    await this.ended;
  }

  private begin(): Promise<Tables> {
    return new Promise((resolve, reject) => {
      const hold = (tables: Tables) => {
        resolve(tables);
        return this.work.promise;
      };
      this.ended = joining
        .run(this.connection, () => this.prisma.$transaction(hold, { timeout: TIMEOUT_MS }))
        .catch(reject);
    });
  }
}

/** Stands in for tables that open asynchronously: `tables.user.count()` opens them first, and then calls the real method. */
function tablesOf(open: () => Promise<Tables>): Tables {
  const call = async (table: string | symbol, operation: string | symbol, args: unknown): Promise<unknown> => {
    const delegate = Reflect.get(await open(), table) as Record<string | symbol, (args: unknown) => unknown>;
    return delegate[operation]?.(args);
  };
  const tableOf = (table: string | symbol) =>
    new Proxy({}, { get: (_, operation) => (args: unknown) => call(table, operation, args) });
  return new Proxy({} as Tables, { get: (_, table) => tableOf(table) });
}
