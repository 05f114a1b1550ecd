import { AsyncLocalStorage } from 'node:async_hooks';
import type { PrismaClient } from '../../generated/prisma/client.js';
import type { Tables } from '../../ports/database.js';
import type { PooledConnection } from './pooled-connection.js';

/** Longer than any transaction lasts: the one that Prisma's joins ends it. */
const TIMEOUT_MS = 3_600_000;

/** The connection whose transaction is joined by the one that Prisma begins now. */
const joining = new AsyncLocalStorage<PooledConnection>();

export function connectionToJoin(): PooledConnection | undefined {
  return joining.getStore();
}

/**
 * Prisma inside a transaction of ours: a transaction of Prisma's that runs on our connection, and neither begins nor ends
 * anything there. It starts with the first use, since it costs as much as a statement and most transactions are SQL alone.
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

  /** Lets go of the connection; what was written stays with the transaction on it. */
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

/** Stands for tables that have to be waited for: `tables.user.count()` opens them and calls theirs. */
function tablesOf(open: () => Promise<Tables>): Tables {
  const call = async (table: string | symbol, operation: string | symbol, args: unknown): Promise<unknown> => {
    const delegate = Reflect.get(await open(), table) as Record<string | symbol, (args: unknown) => unknown>;
    return delegate[operation]?.(args);
  };
  const tableOf = (table: string | symbol) =>
    new Proxy({}, { get: (_, operation) => (args: unknown) => call(table, operation, args) });
  return new Proxy({} as Tables, { get: (_, table) => tableOf(table) });
}
