import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { once } from 'node:events';
import { testDatabases, type TestPool } from '../../../test/support/database.js';
import { eventually } from '../../../test/support/eventually.js';
import { silentLogger } from '../../../test/support/servers.js';
import { Autovacuum } from './autovacuum.js';

const ROWS = 5_000;

// On a server, too, which does not vacuum this table by itself.
describe.each(testDatabases())('autovacuum on $name', ({ name, openEmpty }) => {
  let opened: TestPool;
  let autovacuum: Autovacuum;
  let hasRoom = true;
  beforeAll(async () => {
    opened = await openEmpty();
    autovacuum = new Autovacuum({
      pool: opened.pool,
      run: (statement) => opened.pool.query(statement),
      logger: silentLogger,
      command: 'VACUUM (ANALYZE, SKIP_LOCKED)',
      hasRoom: () => Promise.resolve(hasRoom),
    });
    // What the server's own tables have is done.
    await autovacuum.work();
  });
  afterAll(() => opened.drop());

  const query = async <Row extends object>(text: string) => (await opened.pool.query<Row>(text)).rows[0];
  const fill = () => query(`INSERT INTO "A table" (note) SELECT 'note ' || n FROM generate_series(1, ${ROWS}) AS n`);
  const pages = async () => (await query<{ pages: number }>(`SELECT pg_relation_size('"A table"') AS pages`))?.pages;

  beforeEach(async () => {
    await query('DROP TABLE IF EXISTS "A table"');
    await query('CREATE TABLE "A table" (note text) WITH (autovacuum_enabled = false)');
  });

  it('is of what has grown, once', async () => {
    expect(await autovacuum.work()).toEqual([]);
    await fill();
    expect(await autovacuum.work()).toEqual(['"A table"']);
    expect(await autovacuum.work()).toEqual([]);
  });

  it('is of what has got an index before anybody analysed it', async () => {
    await fill();
    await query('CREATE INDEX ON "A table" (note)');
    expect(await autovacuum.work()).toEqual(['"A table"']);
    expect(await autovacuum.work()).toEqual([]);
  });

  it('leaves what has nothing in it', async () => {
    await fill();
    await query('CREATE INDEX ON "A table" (note)');
    await query('DELETE FROM "A table"');
    await autovacuum.work();
    expect(await autovacuum.work()).toEqual([]);
  });

  // The embedded database has one connection: nothing is analysed while another transaction writes.
  (name === 'postgres' ? it : it.skip)('is of what was analysed while a transaction was filling it', async () => {
    const writer = await opened.pool.connect();
    await writer.query('BEGIN');
    await writer.query(`INSERT INTO "A table" SELECT 'note ' || n FROM generate_series(1, ${ROWS}) AS n`);
    expect(await autovacuum.work()).toEqual(['"A table"']);
    // It may have been committed meanwhile.
    expect(await autovacuum.work()).toEqual(['"A table"']);
    expect(await autovacuum.work()).toEqual([]);
    await writer.query('COMMIT');
    writer.release();
    await eventually(
      () => autovacuum.work(),
      (done) => done.includes('"A table"'),
    );
    expect(await query(`SELECT reltuples AS rows FROM pg_class WHERE relname = 'A table'`)).toEqual({ rows: ROWS });
    expect(await autovacuum.work()).toEqual([]);
  });

  it('waits for room on the disk', async () => {
    await fill();
    hasRoom = false;
    expect(await autovacuum.work()).toEqual([]);
    hasRoom = true;
    expect(await autovacuum.work()).toEqual(['"A table"']);
  });

  it('is of the schemas that it is told alone', async () => {
    for (const schema of ['ours', 'theirs']) {
      await query(`CREATE SCHEMA ${schema}`);
      await query(`CREATE TABLE ${schema}.notes AS SELECT 'note ' || n AS note FROM generate_series(1, ${ROWS}) AS n`);
    }
    const ofOurs = new Autovacuum({
      pool: opened.pool,
      run: (statement) => opened.pool.query(statement),
      logger: silentLogger,
      command: 'ANALYZE (SKIP_LOCKED)',
      schemas: ['ours', 'not there'],
    });
    expect(await ofOurs.work()).toEqual(['ours.notes']);
    await query('DROP SCHEMA ours, theirs CASCADE');
  });

  it('ends what is under way when it is closed, and says nothing of that', async () => {
    await fill();
    const begun = Promise.withResolvers<undefined>();
    const warnings: string[] = [];
    const closing = new Autovacuum({
      pool: opened.pool,
      run: async (_, signal) => {
        begun.resolve(undefined);
        await once(signal, 'abort');
        throw new Error('canceling statement due to user request');
      },
      logger: { warn: (_, message) => warnings.push(message) },
      command: 'ANALYZE (SKIP_LOCKED)',
      everyMs: 1,
    });
    closing.open();
    await begun.promise;
    await closing.close();
    expect(warnings).toEqual([]);
  });

  it('lets the room of deleted rows be used again', async () => {
    await fill();
    const once = await pages();
    await query('DELETE FROM "A table" WHERE note <> \'note 5000\'');
    await autovacuum.work();
    await fill();
    expect(await pages()).toBe(once);
  });

  it('has plans made anew that were made while there was nothing', async () => {
    const find = { name: 'find_note', text: 'SELECT note FROM "A table" WHERE note <> $1', values: ['none'] };
    const expectedRows = async () => {
      await opened.pool.query(find);
      const found = await query<{ 'QUERY PLAN': readonly [{ readonly Plan: { readonly 'Plan Rows': number } }] }>(
        `EXPLAIN (FORMAT JSON) EXECUTE find_note('none')`,
      );
      return found?.['QUERY PLAN'][0].Plan['Plan Rows'];
    };
    const atFirst = await expectedRows();
    await fill();
    expect(await expectedRows()).toBe(atFirst);
    await autovacuum.work();
    expect(await expectedRows()).toBeGreaterThan(ROWS / 2);
  });
});
