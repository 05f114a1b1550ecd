import type pg from 'pg';
import type { Rows } from '../../ports/database.js';
import type { Availability } from './availability.js';
import { leavesConnectionUsable } from './connection-failure.js';
import { toParameter } from './value-parsers.js';

/** A connection lent by the pool. Return it with {@link release}, which closes a broken one. */
export class PooledConnection {
  private failure: Error | undefined;
  private ended = false;
  private released = false;
  /** Settles when the last statement has ended, since a connection runs one statement at a time. */
  private last: Promise<unknown> = Promise.resolve();

  private constructor(
    private readonly client: pg.PoolClient,
    private readonly availability: Availability,
  ) {}

  static async borrow(pool: pg.Pool, availability: Availability): Promise<PooledConnection> {
    const client = await pool.connect().catch((error: unknown) => {
      throw availability.lost(error);
    });
    const connection = new PooledConnection(client, availability);
    client.on('error', connection.fail);
    return connection;
  }

  get broken(): boolean {
    return this.failure !== undefined;
  }

  async query<Row>(text: string, values: readonly unknown[] = [], name?: string): Promise<Rows<Row>> {
    const query = { text, values: values.map(toParameter), name };
    const result = await this.availability.watch(() => this.run<Row & pg.QueryResultRow>(query));
    // A text of several statements has one result for each, which the types of `pg` do not say.
    const results = (Array.isArray(result) ? result : [result]) as readonly pg.QueryResult<Row & pg.QueryResultRow>[];
    return {
      rows: results.flatMap(({ rows }) => rows),
      rowCount: results.reduce((sum, { rowCount }) => sum + (rowCount ?? 0), 0),
    };
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
