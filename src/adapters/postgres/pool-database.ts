import { AsyncLocalStorage } from 'node:async_hooks';
import type pg from 'pg';
import type { PrismaClient } from '../../generated/prisma/client.js';
import type { Log } from '../../kernel/log.js';
import { Unavailable } from '../../kernel/errors.js';
import type { Tracing } from '../../ports/tracing.js';
import type { Database, List, ListsStatement, Rows, SharedChangeParts, Sql } from '../../ports/database.js';
import { Act, ActScope } from './act.js';
import { Availability } from './availability.js';
import { type Retry, retryOf } from './connection-failure.js';
import { NamedStatements, NO_NAMES } from './named-statements.js';
import { PooledConnection } from './pooled-connection.js';
import { createPrismaClient } from './prisma-client.js';
import { PrismaTransaction } from './prisma-transaction.js';
import { retrying } from './retry.js';
import { runStatement } from './run-statement.js';
import { SharedChange } from './shared-change.js';
import { MOST_KEYS, SharedRead } from './shared-read.js';
import { NEXT_TURN, type StatementTurns, TurnsOfOneConnection } from './statement-turns.js';
import { TransactionScope } from './transaction-scope.js';

/** Time limit of health checks; shorter than that of requests, since an orchestrator asks again after a few seconds. */
const PING_MS = 2_000;

/** Rows of lists in one shared statement: who asks for few need not wait for many. */
const MOST_SHARED_ROWS = 500;

const NO_LIST: List<never> = { rows: [], bytes: 0 };

export interface OpenedDatabase extends Database {
  /** Product, version and location for the start-up log, without credentials. */
  readonly description: string;
  /** Whether the database runs inside this process. */
  readonly embedded: boolean;
  /** How many connections there are, how many of them nobody uses, and how many callers wait for one. */
  readonly connections: { readonly size: number; readonly idle: number; readonly waiting: number };
  /**
   * Runs `work` while nobody reads or writes the embedded database, since its one connection is held: its folder has all that was
   * committed, and does not change. Others wait meanwhile.
   */
  whileStill<Result>(work: () => Promise<Result>): Promise<Result>;
}

export interface PoolDatabaseOptions extends Pick<OpenedDatabase, 'description' | 'embedded'> {
  readonly pool: pg.Pool;
  readonly logger: Log;
  readonly tracing?: Tracing | undefined;
  /** Whether statements have names; they do by default. */
  readonly names?: NamedStatements;
  /** Where the tables are; `public` by default. */
  readonly schema?: string;
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
 * Every method throws `Unavailable` when the database cannot be reached, is too busy or takes no writes. On a PostgreSQL server, a
 * statement may take 15 s. A statement or a transaction that another transaction was in the way of is done again, and so is one whose
 * names of prepared statements a session did not know.
 */
export class PoolDatabase implements OpenedDatabase {
  readonly description: string;
  readonly embedded: boolean;
  private readonly pool: pg.Pool;
  private readonly resources: AsyncDisposableStack;
  private readonly availability: Availability;
  private readonly names: NamedStatements;
  private readonly scope = new TransactionScope();
  private readonly acts = new ActScope();
  private readonly client: PrismaClient;
  private readonly tracing: Tracing | undefined;
  private readonly turns: StatementTurns;
  /** By name, size and values, each for one moment: what is asked for again is read again. */
  private readonly sharedLists = new Map<string, SharedRead<List<unknown>>>();
  /** What is made for several calls is part of none. */
  private readonly apart = AsyncLocalStorage.snapshot();

  constructor({
    pool,
    description,
    embedded,
    logger,
    tracing,
    resources,
    names = new NamedStatements('on', logger),
    schema,
  }: PoolDatabaseOptions) {
    this.pool = pool;
    this.resources = resources;
    this.description = description;
    this.embedded = embedded;
    this.turns = embedded ? new TurnsOfOneConnection(pool) : NEXT_TURN;
    this.availability = new Availability(logger);
    this.names = names;
    this.tracing = tracing;
    this.client = createPrismaClient({ pool, availability: this.availability, scope: this.scope, names, schema });
    resources.defer(() => this.client.$disconnect());
  }

  get connections(): OpenedDatabase['connections'] {
    const { totalCount: size, idleCount: idle, waitingCount: waiting } = this.pool;
    return { size, idle, waiting };
  }

  get prisma(): PrismaClient {
    return this.acts.current()?.prisma ?? this.client;
  }

  async query<Row>(text: string, values?: readonly unknown[], name?: string): Promise<Rows<Row>> {
    this.scope.assertOutside();
    const act = this.acts.current();
    if (act?.includes(text) === true) return act.query<Row>(text, values, name);
    let retry: Retry = 'none';
    return retrying(
      async () => {
        const names = retry === 'without names' ? NO_NAMES : this.names;
        retry = 'none';
        const { pool, availability } = this;
        return runStatement<Row>(
          { text, values, name },
          { pool, availability, names },
          (error) => (retry = retryOf(error)),
        );
      },
      () => retry !== 'none',
      this.availability,
    );
  }

  async transaction<Result>(work: (sql: Sql) => Promise<Result>): Promise<Result> {
    this.scope.assertOutside();
    const act = this.acts.current();
    if (act !== undefined) return act.transaction(work);
    return this.withConnection((connection) => this.runTransaction(connection, work));
  }

  async act<Result>(work: () => Promise<Result>, seal: (sql: Sql, result: Result) => Promise<void>): Promise<Result> {
    this.scope.assertOutside();
    if (this.acts.current() !== undefined) throw new Error('An act is not part of another one');
    const { pool, availability, client, scope } = this;
    let retry: Retry = 'none';
    return retrying(
      async () => {
        const names = retry === 'without names' ? NO_NAMES : this.names;
        const act = new Act({ borrow: () => PooledConnection.borrow(pool, availability, names), client, scope });
        try {
          return await act.run(() => this.acts.run(act, work), seal);
        } finally {
          retry = act.mayRunAgain;
        }
      },
      () => retry !== 'none',
      this.availability,
    );
  }

  beside<Result>(work: () => Promise<Result>): Promise<Result> {
    return this.acts.current()?.hasBegun === false ? this.acts.leave(work) : work();
  }

  afterCommit(tell: () => void, otherwise?: () => void): void {
    const act = this.acts.current();
    if (act === undefined) tell();
    else act.afterCommit(tell, otherwise);
  }

  sharedRead<Row extends { readonly id: string }>(text: string, name: string): (id: string) => Promise<Row | null> {
    const load = async (ids: readonly string[]): Promise<ReadonlyMap<string, Row>> => {
      const { rows } = await this.query<Row>(text, [ids], name);
      return new Map(rows.map((row) => [row.id, row]));
    };
    const shared = new SharedRead(load, { tracing: this.tracing, apart: this.apart, turns: this.turns });
    return async (id) => {
      this.scope.assertOutside();
      // As PostgreSQL writes it, whichever letters the caller used.
      const key = id.toLowerCase();
      // What an act has changed is seen by itself alone.
      if (this.acts.current()?.hasBegun === true) return (await load([key])).get(key) ?? null;
      return shared.get(key);
    };
  }

  sharedChange<Input, Result>(parts: SharedChangeParts<Input, Result>): (input: Input) => Promise<Result> {
    const shared = new SharedChange(parts, this.tracing, this.turns);
    return async (input) => {
      this.scope.assertOutside();
      return this.acts.current() === undefined ? shared.make(input) : parts.alone(input);
    };
  }

  async lists<Row>(ownerIds: readonly string[], statement: ListsStatement<Row>): Promise<readonly List<Row>[]> {
    this.scope.assertOutside();
    const owners = ownerIds.map((id) => id.toLowerCase());
    const most = Math.min(MOST_KEYS, Math.floor(MOST_SHARED_ROWS / statement.size));
    if (!statement.isShared || owners.length > most || this.acts.current()?.hasBegun === true) {
      const lists = await this.loadLists(owners, statement);
      return owners.map((owner) => lists.get(owner) ?? NO_LIST);
    }
    const shared = this.sharedListsOf(statement, most);
    const lists = await Promise.all(owners.map((owner) => shared.get(owner)));
    // The name tells what kind of row the lists of a statement have.
    return lists.map((list) => (list ?? NO_LIST) as List<Row>);
  }

  private async loadLists<Row>(
    owners: readonly string[],
    { text, name, size, values, ownerOf }: ListsStatement<Row>,
  ): Promise<ReadonlyMap<string, List<Row>>> {
    const { rows, bytes } = await this.query<Row>(text, [owners, size, ...values], name);
    const [first] = owners;
    if (first !== undefined && owners.length === 1) return new Map([[first, { rows, bytes }]]);
    // By hand: `Map.groupBy` took 3 % of what a page of messages costs.
    const lists = new Map<string, { readonly rows: Row[]; readonly bytes: number | undefined }>();
    for (const row of rows) {
      const owner = ownerOf(row);
      const list = lists.get(owner);
      if (list === undefined) lists.set(owner, { rows: [row], bytes });
      else list.rows.push(row);
    }
    return lists;
  }

  private sharedListsOf<Row>(statement: ListsStatement<Row>, mostOwners: number): SharedRead<List<unknown>> {
    const key = JSON.stringify([statement.name, statement.size, statement.values]);
    const known = this.sharedLists.get(key);
    if (known !== undefined) return known;
    const load = (owners: readonly string[]): Promise<ReadonlyMap<string, List<unknown>>> => {
      if (this.sharedLists.get(key) === shared) this.sharedLists.delete(key);
      return this.loadLists(owners, statement);
    };
    const shared = new SharedRead(load, {
      mostKeys: mostOwners,
      tracing: this.tracing,
      apart: this.apart,
      turns: this.turns,
    });
    this.sharedLists.set(key, shared);
    return shared;
  }

  /** Lends a connection to the work, and does the work again where nothing of it is left that failed through no fault of its own. */
  private async withConnection<Result>(work: (connection: PooledConnection) => Promise<Result>): Promise<Result> {
    let retry: Retry = 'none';
    return retrying(
      async () => {
        const names = retry === 'without names' ? NO_NAMES : this.names;
        const connection = await PooledConnection.borrow(this.pool, this.availability, names);
        try {
          return await work(connection);
        } finally {
          retry = connection.mayRunAgain;
          connection.release();
        }
      },
      () => retry !== 'none',
      this.availability,
    );
  }

  private async runTransaction<Result>(
    connection: PooledConnection,
    work: (sql: Sql) => Promise<Result>,
  ): Promise<Result> {
    const prisma = new PrismaTransaction(this.client, connection);
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
    }
  }

  async whileStill<Result>(work: () => Promise<Result>): Promise<Result> {
    if (!this.embedded) throw new Error('Only the embedded database can be held still');
    const connection = await PooledConnection.borrow(this.pool, this.availability, this.names);
    try {
      await connection.command('CHECKPOINT');
      return await work();
    } finally {
      connection.release();
    }
  }

  /** @throws Unavailable also when there is no answer within 2 s, and when the embedded database has just refused a write */
  async ping(): Promise<void> {
    // Another instance could do nothing better about a server that many share.
    if (this.embedded) this.availability.assertWritable();
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
