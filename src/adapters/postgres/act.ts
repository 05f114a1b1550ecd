import { AsyncLocalStorage } from 'node:async_hooks';
import type { PrismaClient } from '../../generated/prisma/client.js';
import type { Rows, Sql, Tables } from '../../ports/database.js';
import type { Retry } from './connection-failure.js';
import type { PooledConnection } from './pooled-connection.js';
import { PrismaTransaction } from './prisma-transaction.js';
import type { TransactionScope } from './transaction-scope.js';

/** The act that the current call is part of. */
export class ActScope {
  readonly #current = new AsyncLocalStorage<Act>();

  /** Undefined outside of an act, and for what goes on after it. */
  current(): Act | undefined {
    const act = this.#current.getStore();
    return act?.isOpen === true ? act : undefined;
  }

  run<Result>(act: Act, work: () => Promise<Result>): Promise<Result> {
    return this.#current.run(act, work);
  }

  /** Runs `work` as no part of the current act. */
  leave<Result>(work: () => Promise<Result>): Promise<Result> {
    return this.#current.exit(work);
  }
}

interface ActParts {
  readonly borrow: () => Promise<PooledConnection>;
  /** Prisma outside of the act. */
  readonly client: PrismaClient;
  readonly scope: TransactionScope;
}

interface Begun {
  readonly connection: PooledConnection;
  readonly prisma: PrismaTransaction;
  readonly sql: Sql;
}

interface Listener {
  readonly tell: () => void;
  readonly otherwise: (() => void) | undefined;
}

/**
 * The changes of a piece of work as one transaction, which begins with the first of them. What would be a transaction of its own,
 * or a statement outside of one, is a savepoint: one that fails leaves the others as they are.
 */
export class Act {
  #begun: Promise<Begun> | undefined;
  #connection: PooledConnection | undefined;
  #isOpen = true;
  /** Settles when the last change has ended, since savepoints are nested and not side by side. */
  #last: Promise<unknown> = Promise.resolve();
  readonly #listeners: Listener[] = [];
  readonly prisma: PrismaClient;

  constructor(private readonly parts: ActParts) {
    this.prisma = this.#prismaOf(parts.client);
  }

  /** False once it is being committed or rolled back: what comes then is no part of it. */
  get isOpen(): boolean {
    return this.#isOpen;
  }

  /** Whether it holds a connection. */
  get hasBegun(): boolean {
    return this.#begun !== undefined;
  }

  get mayRunAgain(): Retry {
    return this.#connection?.mayRunAgain ?? 'none';
  }

  /** Whether a statement belongs to the transaction: those that read do from the first change on. */
  includes(text: string): boolean {
    return this.#begun !== undefined || !READS.test(text) || LOCKS.test(text);
  }

  async query<Row>(text: string, values?: readonly unknown[], name?: string): Promise<Rows<Row>> {
    return this.#inTurn(({ sql }) => sql.query<Row>(text, values, name));
  }

  /** Code inside `work` that uses the database in place of its `Sql` is refused, as in any transaction. */
  transaction<Result>(work: (sql: Sql) => Promise<Result>): Promise<Result> {
    return this.#inTurn(({ sql }) => this.parts.scope.run(() => work(sql)));
  }

  afterCommit(tell: () => void, otherwise: (() => void) | undefined): void {
    this.#listeners.push({ tell, otherwise });
  }

  async run<Result>(work: () => Promise<Result>, seal: (sql: Sql, result: Result) => Promise<void>): Promise<Result> {
    let isKept = false;
    try {
      const result = await work();
      const sealed = this.#inTurn(({ sql }) => this.parts.scope.run(() => seal(sql, result)));
      this.#isOpen = false;
      await sealed;
      await this.#commit();
      isKept = true;
      return result;
    } catch (error) {
      this.#isOpen = false;
      await this.#rollBack();
      throw error;
    } finally {
      await this.#release();
      for (const { tell, otherwise } of this.#listeners)
        if (isKept) tell();
        else otherwise?.();
    }
  }

  async #commit(): Promise<void> {
    const connection = this.#connection;
    connection?.end();
    // The server answers ROLLBACK, without an error, if a statement failed and nobody returned to the savepoint before it.
    if ((await connection?.command('COMMIT')) !== 'COMMIT') {
      throw new Error('The act was rolled back: one of its statements had failed');
    }
  }

  async #rollBack(): Promise<void> {
    await this.#last;
    const connection = this.#connection;
    connection?.end();
    // If ROLLBACK fails, the connection is marked as broken and closed, which rolls back too.
    if (connection?.broken === false) await connection.command('ROLLBACK').catch(() => undefined);
  }

  async #release(): Promise<void> {
    if (this.#begun === undefined) return;
    const begun = await this.#begun.catch(() => undefined);
    await begun?.prisma.end();
    this.#connection?.release();
  }

  async #begin(): Promise<Begun> {
    const connection = await this.parts.borrow();
    this.#connection = connection;
    await connection.command('BEGIN ISOLATION LEVEL READ COMMITTED');
    const prisma = new PrismaTransaction(this.parts.client, connection);
    return {
      connection,
      prisma,
      sql: { prisma: prisma.tables, query: (...statement) => connection.query(...statement) },
    };
  }

  /** Makes one change after those before it, whole or not at all. */
  #inTurn<Result>(change: (begun: Begun) => Promise<Result>): Promise<Result> {
    this.#begun ??= this.#begin();
    const begun = this.#begun;
    const result = this.#last.then(async () => {
      const opened = await begun;
      const { connection } = opened;
      await connection.command('SAVEPOINT change');
      try {
        const changed = await change(opened);
        await connection.command('RELEASE SAVEPOINT change');
        return changed;
      } catch (error) {
        if (!connection.broken) await connection.command('ROLLBACK TO SAVEPOINT change').catch(() => undefined);
        throw error;
      }
    });
    this.#last = result.catch(() => undefined);
    return result;
  }

  /** Prisma's tables, of which what changes them is done in the transaction. */
  #prismaOf(client: PrismaClient): PrismaClient {
    const call = async (table: string | symbol, operation: string | symbol, args: unknown): Promise<unknown> => {
      this.parts.scope.assertOutside();
      const isRead = typeof operation === 'string' && PRISMA_READS.test(operation);
      if (!this.#isOpen || (this.#begun === undefined && isRead)) return callOn(client, table, operation, args);
      return this.#inTurn(({ sql }) => callOn(sql.prisma, table, operation, args));
    };
    const tableOf = (table: string | symbol) =>
      new Proxy({}, { get: (_, operation) => (args: unknown) => call(table, operation, args) });
    return new Proxy(client, {
      get: (_, name) => {
        if (typeof name === 'string' && name.startsWith('$')) throw new Error(`${name} is not part of an act`);
        return tableOf(name);
      },
    });
  }
}

const READS = /^\s*SELECT\b/i;
const LOCKS = /\bFOR\s+(?:NO\s+KEY\s+UPDATE|UPDATE|SHARE|KEY\s+SHARE)\b/i;
const PRISMA_READS = /^(?:find|count$|aggregate$|groupBy$)/;

/** Calls a method of a table, such as `user.count()`. */
async function callOn(
  tables: Tables,
  table: string | symbol,
  operation: string | symbol,
  args: unknown,
): Promise<unknown> {
  const delegate = Reflect.get(tables, table) as Record<string | symbol, (args: unknown) => Promise<unknown>>;
  return await delegate[operation]?.(args);
}
