import { randomInt } from 'node:crypto';
import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { Child } from '../../../test/support/child-process.js';
import { EmbeddedFolder } from '../../../test/support/embedded-folder.js';
import { createMigratedDatabase, fillDataDirectory } from '../../../test/support/migrated-database.js';
import { migrationsDirectory, silentLogger, testServerUrl } from '../../../test/support/servers.js';
import { openDatabase } from './open-database.js';
import type { OpenedDatabase } from './pool-database.js';

/** Closes the database in the end. */
async function expectGrowthToBeSeen(database: OpenedDatabase): Promise<void> {
  await database.query('CREATE TABLE grown (n int) WITH (autovacuum_enabled = false)');
  await database.query('INSERT INTO grown SELECT n FROM generate_series(1, 10000) AS n');
  const isSeen = async () => {
    const { rows } = await database.query(`SELECT FROM pg_class WHERE relname = 'grown' AND reltuples = 10000`);
    return rows.length === 1;
  };
  while (!(await isSeen())) await delay(10);
  await database.close();
}

const server = testServerUrl();
(server === undefined ? describe.skip : describe)('a database on a server', () => {
  it('has its tables analysed that have grown, while it is open', async () => {
    const { url, drop } = await createMigratedDatabase(server ?? '');
    const options = { url, dataDirectory: '', migrationsDirectory, logger: silentLogger, vacuumMs: 10 };
    await expectGrowthToBeSeen(await openDatabase(options));
    await drop();
  });
});

describe('the embedded database in a folder', () => {
  let folder: EmbeddedFolder;
  beforeEach(async () => {
    folder = await EmbeddedFolder.make();
  });
  afterEach(() => folder.remove());

  const open = (dataDirectory = folder.path) =>
    openDatabase({ url: undefined, dataDirectory, migrationsDirectory, logger: silentLogger });
  /** Waits for `count` reports of a writer, kills it, and returns all of its reports. */
  const killAfter = async (child: Child, count: number) => {
    const reports: unknown[] = [];
    for await (const report of child.reports) {
      reports.push(report);
      if (reports.length === count) child.process.kill('SIGKILL');
    }
    await expect(child.ended).resolves.toMatchObject({ signal: 'SIGKILL', errors: '' });
    return reports.slice(1);
  };

  it('is made when it is not there, says where it is, and is there after it was closed', async () => {
    const nested = join(folder.path, 'not', 'yet', 'there');
    const { embedded, description, id } = await folder.store(nested);
    expect(embedded).toBe(true);
    expect(description).toMatch(/^PGlite \(PostgreSQL \d+\.\d+\) in .*there\/postgres$/);
    const again = await open(nested);
    await expect(again.prisma.user.findUnique({ where: { id } })).resolves.toMatchObject({ id });
    await again.close();
  });

  it('is refused to a second process, which is told of the first, and freed when that is killed', async () => {
    await fillDataDirectory(folder.path);
    const first = folder.start('write');
    await first.reports.next();
    await expect(open()).rejects.toMatchObject({
      name: 'StartupError',
      message: expect.stringMatching(
        new RegExp(
          `^DATA_DIR ${folder.path} is in use by another process \\(pid ${String(first.process.pid)}\\)\\. Stop it,.*DATABASE_URL`,
        ),
      ),
    });
    first.process.kill('SIGKILL');
    await first.ended;
    const database = await open();
    await expect(open()).rejects.toThrow(`(pid ${String(process.pid)})`);
    await database.close();
  });

  it('is refused to all but one of several processes that start at once', async () => {
    const starting = Array.from({ length: 4 }, () => folder.start('write'));
    const outcomes = await Promise.all(starting.map((child) => child.reports.next()));
    expect(outcomes.filter((outcome) => outcome.value === 'ready')).toHaveLength(1);
  });

  it('loses no acknowledged row, and keeps no half of a transaction, over five kills', async () => {
    await fillDataDirectory(folder.path);
    const acknowledged: unknown[] = [];
    for (let round = 0; round < 5; round++) {
      acknowledged.push(...(await killAfter(folder.start('write'), randomInt(2, 200))));
    }
    const database = await open();
    const { rows } = await database.query<{ stored: number; torn: number }>(
      `SELECT count(*) FILTER (WHERE users.id = ANY($1::uuid[])) AS stored,
              count(*) FILTER (WHERE conversations.id IS NULL) AS torn
         FROM users LEFT JOIN conversations ON conversations.user_id = users.id`,
      [acknowledged],
    );
    await database.close();
    expect(acknowledged.length).toBeGreaterThan(10);
    expect(rows).toEqual([{ stored: acknowledged.length, torn: 0 }]);
  });

  it('looks after tables that have grown, while it is open', async () => {
    await fillDataDirectory(folder.path);
    const { path: dataDirectory } = folder;
    const options = { url: undefined, dataDirectory, migrationsDirectory, logger: silentLogger, vacuumMs: 10 };
    await expectGrowthToBeSeen(await openDatabase(options));
  });

  it('is begun anew when the process was killed while it made it', async () => {
    await writeFile(join(folder.path, 'postgres.initialising'), '');
    await mkdir(join(folder.path, 'postgres'));
    await writeFile(join(folder.path, 'postgres', 'PG_VERSION'), '18\n');
    expect(await folder.store()).toMatchObject({ users: 0 });
    expect((await readdir(folder.path)).sort()).toEqual(['postgres', 'postgres.lock']);
  });

  it('is refused, and left as it is, when it is no database', async () => {
    await mkdir(join(folder.path, 'postgres'));
    await writeFile(join(folder.path, 'postgres', 'PG_VERSION'), '9\n');
    await expect(open()).rejects.toMatchObject({
      name: 'StartupError',
      message: expect.stringMatching(/^The embedded database cannot be opened\. /),
    });
    expect(await readdir(join(folder.path, 'postgres'))).toContain('PG_VERSION');
  });

  it('says so when the folder cannot be made', async () => {
    await writeFile(join(folder.path, 'file'), '');
    await expect(open(join(folder.path, 'file'))).rejects.toMatchObject({
      name: 'StartupError',
      message: expect.stringMatching(/^DATA_DIR .*file cannot be made: EEXIST/),
    });
  });

  it('keeps days as they are in every time zone', async () => {
    await fillDataDirectory(folder.path);
    for (const zone of ['Pacific/Auckland', 'America/Los_Angeles']) {
      const child = folder.start('dates', ['2024-02-29', '2024-12-31'], { TZ: zone });
      const reports: unknown[] = [];
      for await (const report of child.reports) reports.push(report);
      await expect(child.ended).resolves.toMatchObject({ code: 0, errors: '' });
      expect(reports).toEqual(
        ['2024-02-29', '2024-12-31'].map((text) => ({
          day: `${text}T00:00:00.000Z`,
          moment: `${text}T00:00:00.000Z`,
          text,
        })),
      );
    }
  });
});
