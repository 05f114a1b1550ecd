import type pg from 'pg';
import type { Rows } from '../../ports/database.js';
import type { Availability } from './availability.js';
import { isMixedUp, leavesConnectionUsable, type Retry, retryOf } from './connection-failure.js';
import type { NamedStatements } from './named-statements.js';
import { rowsOf, toParameter } from './value-parsers.js';

/** A connection lent by the pool. Return it with {@link release}, which closes a broken one. */
export class PooledConnection {
  private failure: Error | undefined;
  private retry: Retry = 'none';
  private ended = false;
  private released = false;
  /** Settles when the last statement has ended, since a connection runs one statement at a time. */
  private last: Promise<unknown> = Promise.resolve();

  private constructor(
    private readonly client: pg.PoolClient,
    private readonly availability: Availability,
    private readonly names: Pick<NamedStatements, 'allowed' | 'wereMixedUp'>,
  ) {}

  static async borrow(
    pool: pg.Pool,
    availability: Availability,
    names: Pick<NamedStatements, 'allowed' | 'wereMixedUp'>,
  ): Promise<PooledConnection> {
    const client = await pool.connect().catch((error: unknown) => {
      throw availability.lost(error);
    });
    const connection = new PooledConnection(client, availability, names);
    client.on('error', connection.fail);
    return connection;
  }

  get broken(): boolean {
    return this.failure !== undefined;
  }

  /** Whether what ran, a statement or the whole transaction, may run again. */
  get mayRunAgain(): Retry {
    return this.retry;
  }

  async query<Row>(text: string, values: readonly unknown[] = [], name?: string): Promise<Rows<Row>> {
    const query = { text, values: values.map(toParameter), name: this.names.allowed(name) };
    return rowsOf(await this.availability.watch(() => this.run<Row & pg.QueryResultRow>(query)));
  }

  /** Runs a statement after the previous ones, and throws `pg`'s own errors. */
  async run<Row extends pg.QueryResultRow>(query: pg.QueryConfig): Promise<pg.QueryResult<Row>> {
    if (this.ended) throw transactionEnded();
    const result = this.last.then(() => this.send<Row>(query));
    this.last = result.catch(() => undefined);
    return result;
  }

  /** Runs a statement that begins or ends a transaction; resolves with the server's command tag. */
  async command(text: string): Promise<string> {
    await this.last;
    const { command } = await this.availability.watch(() => this.marking(() => this.client.query(text)));
    return command;
  }

  /**
   * Refuses further statements, before the transaction is committed or rolled back: one that came meanwhile would run after
   * that, and be kept whatever became of the transaction.
   */
  end(): void {
    this.ended = true;
  }

  release(): void {
    this.released = true;
    this.client.off('error', this.fail);
    this.client.release(this.failure);
  }

  private async send<Row extends pg.QueryResultRow>(query: pg.QueryConfig): Promise<pg.QueryResult<Row>> {
    if (this.released) throw transactionEnded();
    return this.marking(() => this.client.query<Row>(query));
  }

  /** Marks the connection as broken when `work` fails with an error that means so. */
  private async marking<Result>(work: () => Promise<Result>): Promise<Result> {
    try {
      return await work();
    } catch (error) {
      if (!leavesConnectionUsable(error)) this.fail(error);
      const retry = retryOf(error);
      if (retry !== 'none') this.retry = retry;
      if (isMixedUp(error)) this.names.wereMixedUp();
      throw error;
    }
  }

  private readonly fail = (error: unknown): void => {
    this.failure ??= error instanceof Error ? error : new Error('the connection failed');
  };
}

function transactionEnded(): Error {
  return new Error('The transaction that this Sql belongs to has ended');
}
