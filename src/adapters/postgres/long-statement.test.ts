import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type pg from 'pg';
import { createDatabase, silentLogger, testServerUrl } from '../../../test/support/servers.js';
import { runLongStatement } from './long-statement.js';
import { createPostgresPool } from './postgres-pool.js';

const server = testServerUrl();

(server === undefined ? describe.skip : describe)('a statement that may take minutes', () => {
  let database: Awaited<ReturnType<typeof createDatabase>>;
  let pool: pg.Pool;
  beforeAll(async () => {
    database = await createDatabase(server ?? '');
    pool = createPostgresPool({ url: database.url, logger: silentLogger, size: 1, limitStatements: true });
  });
  afterAll(async () => {
    await pool.end();
    await database.drop();
  });

  const run = (statement: string, signal = new AbortController().signal, ending: Pick<pg.Pool, 'query'> = pool) =>
    runLongStatement(statement, { url: database.url, logger: silentLogger, pool: ending, signal });
  const running = async () => {
    const { rows } = await pool.query<{ pid: number }>(
      `SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND state = 'active' AND query LIKE 'SELECT pg_sleep(500)%'`,
    );
    return rows.length;
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
    const over = run('SELECT pg_sleep(500)', closing.signal).catch((error: unknown) => error);
    while ((await running()) === 0);
    closing.abort();
    await expect(over).resolves.toMatchObject({ code: '57014' });
    expect(await running()).toBe(0);
  });

  it('is not waited for where it cannot be ended', async () => {
    const closing = new AbortController();
    const away = { query: () => Promise.reject(new Error('the server is away')) };
    const over = run('SELECT pg_sleep(500)', closing.signal, away as unknown as pg.Pool).catch(String);
    while ((await running()) === 0);
    closing.abort();
    await expect(over).resolves.toContain('Connection terminated');
  });

  it('is not begun once it is to end', async () => {
    const reason = new Error('the service ends');
    await expect(run('SELECT 1 / 0', AbortSignal.abort(reason))).rejects.toBe(reason);
  });
});
