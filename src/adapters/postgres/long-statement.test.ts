import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import { createDatabase, silentLogger, testServerUrl } from '../../../test/support/servers.js';
import { runLongStatement } from './long-statement.js';
import { createPostgresPool } from './postgres-pool.js';

const server = testServerUrl();

(server === undefined ? describe.skip : describe)('a statement that may take minutes', () => {
  let database: Awaited<ReturnType<typeof createDatabase>>;
  let pool: pg.Pool;
  /** Holds the locks that long statements wait for. */
  let holder: pg.Client;
  beforeAll(async () => {
    database = await createDatabase(server ?? '');
    holder = new pg.Client(database.url);
    await holder.connect();
    await holder.query('SELECT pg_advisory_lock(number) FROM generate_series(1, 3) AS number');
    pool = createPostgresPool({ url: database.url, logger: silentLogger, size: 1, limitStatements: true });
  });
  afterAll(async () => {
    await holder.end();
    await pool.end();
    await database.drop();
  });

  const run = (statement: string, signal = new AbortController().signal, ending: Pick<pg.Pool, 'query'> = pool) =>
    runLongStatement(statement, { url: database.url, logger: silentLogger, pool: ending, signal });
  const running = async (statement: string) => {
    const { rows } = await pool.query<{ pid: number }>(
      `SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND state = 'active' AND query = $1`,
      [statement],
    );
    return rows.length;
  };
  /** Each test has its own: one whose connection was cut goes on. */
  const begun = async (statement: string) => {
    while ((await running(statement)) === 0);
  };

  it('has a time limit of its own, and no place among those of requests', async () => {
    const request = await pool.connect();
    await request.query('CREATE TABLE limits (of_it text)');
    await run(`INSERT INTO limits SELECT current_setting('statement_timeout')`);
    const { rows } = await request.query('SELECT of_it FROM limits');
    expect(rows).toEqual([{ of_it: '10min' }]);
    request.release();
  });

  it('is ended when it is told to', async () => {
    const closing = new AbortController();
    const statement = 'SELECT pg_advisory_lock(1)';
    const over = run(statement, closing.signal).catch((error: unknown) => error);
    await begun(statement);
    closing.abort();
    await expect(over).resolves.toMatchObject({ code: '57014' });
    expect(await running(statement)).toBe(0);
  });

  it.each([
    ['it cannot be ended', 'SELECT pg_advisory_lock(2)', () => Promise.reject(new Error('the server is away'))],
    ['nothing is heard of its end', 'SELECT pg_advisory_lock(3)', () => Promise.resolve({ rows: [] })],
  ])('is not waited for where %s', async (_where, statement, query) => {
    const closing = new AbortController();
    const over = run(statement, closing.signal, { query } as unknown as pg.Pool).catch(String);
    await begun(statement);
    closing.abort();
    await expect(over).resolves.toContain('Connection terminated');
  });

  it('is not begun once it is to end', async () => {
    const reason = new Error('the service ends');
    await expect(run('SELECT 1 / 0', AbortSignal.abort(reason))).rejects.toBe(reason);
  });
});
