import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { testDatabases, type TestPool } from '../../../test/support/database.js';
import { silentLogger } from '../../../test/support/servers.js';
import { EmbeddedVacuum } from './embedded-vacuum.js';

const ROWS = 5_000;

// On a server, too, which does not vacuum this table by itself.
describe.each(testDatabases())('vacuuming on $name', ({ openEmpty }) => {
  let opened: TestPool;
  let vacuum: EmbeddedVacuum;
  beforeAll(async () => {
    opened = await openEmpty();
    vacuum = new EmbeddedVacuum(opened.pool, silentLogger);
    // What the server's own tables have is done.
    await vacuum.vacuum();
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
    expect(await vacuum.vacuum()).toEqual([]);
    await fill();
    expect(await vacuum.vacuum()).toEqual(['"A table"']);
    expect(await vacuum.vacuum()).toEqual([]);
  });

  it('lets the room of deleted rows be used again', async () => {
    await fill();
    const once = await pages();
    await query('DELETE FROM "A table" WHERE note <> \'note 5000\'');
    await vacuum.vacuum();
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
    await vacuum.vacuum();
    expect(await expectedRows()).toBeGreaterThan(ROWS / 2);
  });
});
