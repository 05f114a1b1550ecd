import type pg from 'pg';
import type { Rows, Sql } from '../../ports/database.js';
import type { Availability } from './availability.js';
import { leavesConnectionUsable } from './connection-failure.js';
import { toParameter } from './value-parsers.js';

/** A connection lent by the pool. Give it back with {@link release}: a broken one is closed, a sound one serves on. */
export class PooledConnection implements Sql {
  private failure: Error | undefined;
  private released = false;
  /** Ends when the statement sent last has ended: one connection runs one statement at a time. */
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
    const result = this.last.then(() => this.send<Row>(text, values, name));
    this.last = result.catch(() => undefined);
    return result;
  }

  /** Runs a statement that begins or ends a transaction; resolves with what the server says it did. */
  async command(text: string): Promise<string> {
    await this.last;
    const { command } = await this.guarded(() => this.client.query(text));
    return command;
  }

  release(): void {
    this.released = true;
    this.client.off('error', this.fail);
    this.client.release(this.failure);
  }

  private async send<Row>(text: string, values: readonly unknown[], name: string | undefined): Promise<Rows<Row>> {
    if (this.released) throw new Error('The transaction that this Sql belongs to has ended');
    const query = { text, values: values.map(toParameter), name };
    const result = await this.guarded<unknown>(() => this.client.query<Row & pg.QueryResultRow>(query));
    // A text of several statements has a result for each, which the types of `pg` do not know.
    const results = (Array.isArray(result) ? result : [result]) as readonly pg.QueryArrayResult<never>[];
    return {
      rows: results.flatMap(({ rows }) => rows as Row[]),
      rowCount: results.reduce((sum, { rowCount }) => sum + (rowCount ?? 0), 0),
    };
  }

  private guarded<Result>(work: () => Promise<Result>): Promise<Result> {
    return this.availability.watch(async () => {
      try {
        return await work();
      } catch (error) {
        if (!leavesConnectionUsable(error)) this.fail(error);
        throw error;
      }
    });
  }

  private readonly fail = (error: unknown): void => {
    this.failure ??= error instanceof Error ? error : new Error('the connection failed');
  };
}
