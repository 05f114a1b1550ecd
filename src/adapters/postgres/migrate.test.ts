import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { startChild } from '../../../test/support/child-process.js';
import { testDatabases, type TestPool } from '../../../test/support/database.js';
import { createDatabase, silentLogger, testServerUrl } from '../../../test/support/servers.js';
import type { Log } from '../../kernel/log.js';
import { lookAtMigrations, migrate, readMigrations } from './migrate.js';

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'migrations-'));
});
afterEach(() => rm(directory, { recursive: true }));

async function writeMigration(name: string, sql: string): Promise<void> {
  await mkdir(join(directory, name), { recursive: true });
  await writeFile(join(directory, name, 'migration.sql'), sql);
}

describe.each(testDatabases())('migrations on the $name database', ({ openEmpty }) => {
  let database: TestPool;
  beforeAll(async () => {
    database = await openEmpty();
  });
  afterAll(() => database.drop());
  afterEach(async () => {
    await database.pool.query('DROP TABLE IF EXISTS "_prisma_migrations", one, two, three');
  });

  const run = (logger = silentLogger) => migrate({ pool: database.pool, directory, logger });
  const tables = async () => {
    const { rows } = await database.pool.query<{ name: string }>(
      `SELECT tablename AS name FROM pg_tables WHERE schemaname = 'public' AND tablename <> '_prisma_migrations' ORDER BY 1`,
    );
    return rows.map((row) => row.name);
  };

  it('are applied in the order of their names, once, and recorded as Prisma does', async () => {
    await writeMigration('20250102000000_two', 'CREATE TABLE two AS SELECT * FROM one; DROP TABLE one;');
    await writeMigration('20250101000000_one', 'CREATE TABLE one (id int); INSERT INTO one VALUES (1);');
    await writeFile(join(directory, 'migration_lock.toml'), 'provider = "postgresql"');
    await expect(run()).resolves.toEqual(['20250101000000_one', '20250102000000_two']);
    await expect(run()).resolves.toEqual([]);
    expect(await tables()).toEqual(['two']);
    const { rows } = await database.pool.query(
      `SELECT migration_name, length(checksum) AS checksum, finished_at IS NOT NULL AS finished, rolled_back_at,
              applied_steps_count AS steps FROM "_prisma_migrations" ORDER BY started_at`,
    );
    const row = { checksum: 64, finished: true, rolled_back_at: null, steps: 1 };
    expect(rows).toEqual([
      { migration_name: '20250101000000_one', ...row },
      { migration_name: '20250102000000_two', ...row },
    ]);
  });

  it('that fail leave nothing behind, say why, and are applied when they are mended', async () => {
    await writeMigration('1_one', 'CREATE TABLE one (id int)');
    await writeMigration('2_two', 'CREATE TABLE two (id int); INSERT INTO two VALUES (nonsense);');
    await expect(run()).rejects.toMatchObject({
      name: 'StartupError',
      message: 'Migration 2_two failed, and was rolled back: column "nonsense" does not exist',
    });
    expect(await tables()).toEqual(['one']);
    await writeMigration('2_two', 'CREATE TABLE two (id int)');
    await expect(run()).resolves.toEqual(['2_two']);
  });

  it('that were edited after they were applied are refused', async () => {
    await writeMigration('1_one', 'CREATE TABLE one (id int)');
    await run();
    await writeMigration('1_one', 'CREATE TABLE one (id bigint)');
    await expect(run()).rejects.toThrow(/^Migration 1_one was edited after it was applied to this database\./);
  });

  it('are the same with the line ends of another system', async () => {
    await writeMigration('1_one', 'CREATE TABLE one (\n  id int\n)\n');
    await run();
    await writeMigration('1_one', 'CREATE TABLE one (\r\n  id int\r\n)\r\n');
    await expect(run()).resolves.toEqual([]);
  });

  it('that another tool left half applied are refused until the outcome is recorded', async () => {
    await writeMigration('1_one', 'CREATE TABLE one (id int)');
    await run();
    await database.pool.query('UPDATE "_prisma_migrations" SET finished_at = NULL');
    await expect(run()).rejects.toThrow(/^Migration 1_one failed before.* npx prisma migrate resolve --applied 1_one/);
    await database.pool.query('UPDATE "_prisma_migrations" SET rolled_back_at = now()');
    await database.pool.query('DROP TABLE one');
    await expect(run()).resolves.toEqual(['1_one']);
  });

  it('of a later release are taken as they are, with a warning', async () => {
    await writeMigration('1_one', 'CREATE TABLE one (id int)');
    await writeMigration('2_two', 'CREATE TABLE two (id int)');
    await run();
    await rm(join(directory, '2_two'), { recursive: true });
    await writeMigration('3_three', 'CREATE TABLE three (id int)');
    const warn = jest.fn<Log['warn']>();
    await expect(run({ ...silentLogger, warn })).resolves.toEqual(['3_three']);
    expect(warn.mock.calls).toEqual([[{ migrations: ['2_two'] }, expect.stringContaining('later release')]]);
  });

  it('are looked at: whether all are there, one is missing or failed, or a later release has added some', async () => {
    const look = async () => lookAtMigrations((text) => database.pool.query(text), await readMigrations(directory));
    await writeMigration('1_one', 'CREATE TABLE one (id int)');
    await writeMigration('2_two', 'CREATE TABLE two (id int)');
    await expect(look()).rejects.toThrow('the database lacks 1_one, 2_two');
    await run();
    expect(await look()).toBe('ok');
    await writeMigration('3_three', 'CREATE TABLE three (id int)');
    await expect(look()).rejects.toThrow('the database lacks 3_three');
    await rm(join(directory, '3_three'), { recursive: true });
    await rm(join(directory, '2_two'), { recursive: true });
    expect(await look()).toBe('newer');
    await database.pool.query(`UPDATE "_prisma_migrations" SET finished_at = NULL WHERE migration_name = '1_one'`);
    await expect(look()).rejects.toThrow('1_one failed before');
  });

  it('are applied by one of several runs at once', async () => {
    await writeMigration('1_one', 'CREATE TABLE one (id int)');
    await writeMigration('2_two', 'CREATE TABLE two (id int)');
    const applied = await Promise.all(Array.from({ length: 4 }, () => run()));
    expect(applied.flat().sort()).toEqual(['1_one', '2_two']);
  });
});

(testServerUrl() === undefined ? describe.skip : describe)('migrations by eight processes at once', () => {
  it('are each applied exactly once', async () => {
    const database = await createDatabase(testServerUrl() ?? '');
    const names = ['1_one', '2_two', '3_three', '4_four', '5_five'];
    for (const name of names) {
      await writeMigration(
        name,
        `CREATE TABLE "${name}" (id int); INSERT INTO "${name}" VALUES (1); SELECT pg_sleep(0.1);`,
      );
    }
    const children = Array.from({ length: 8 }, () =>
      startChild('database-process.ts', ['migrate'], { DATABASE_URL: database.url, MIGRATIONS: directory }),
    );
    await Promise.all(children.map((child) => child.reports.next()));
    for (const child of children) child.process.stdin.write('go\n');
    const applied = await Promise.all(children.map(async (child) => (await child.reports.next()).value as string[]));
    expect(applied.flat().sort()).toEqual(names);
    for (const child of children) await expect(child.ended).resolves.toMatchObject({ code: 0, errors: '' });
    await database.drop();
  });
});
