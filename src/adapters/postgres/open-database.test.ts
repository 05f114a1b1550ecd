import { randomInt } from 'node:crypto';
import { cp, mkdir, mkdtemp, readdir, readFile, rm, truncate, watch, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { type Child, startChild } from '../../../test/support/child-process.js';
import { collectGarbage } from '../../../test/support/collect-garbage.js';
import { migrationsDirectory, silentLogger } from '../../../test/support/servers.js';
import { DUMP, EMBEDDED_TEMPLATE, isUsable } from './embedded-template.js';
import { readMigrations } from './migrate.js';
import { openDatabase } from './open-database.js';

describe('the embedded database in a folder', () => {
  let folder: string;
  let children: Child[];
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'embedded-'));
    children = [];
  });
  afterEach(async () => {
    for (const child of children) child.process.kill('SIGKILL');
    await Promise.all(children.map((child) => child.ended));
    await rm(folder, { recursive: true });
    collectGarbage();
  });

  const open = (dataDirectory = folder) =>
    openDatabase({ url: undefined, dataDirectory, migrationsDirectory, logger: silentLogger });
  const start = (action: string, args: string[] = [], environment: Record<string, string> = {}) => {
    const child = startChild('database-process.ts', [action, ...args], {
      DATA_DIR: folder,
      MIGRATIONS: migrationsDirectory,
      ...environment,
    });
    children.push(child);
    return child;
  };
  /** Stores a user in a separate process: making a database takes more memory than a Jest worker may use. */
  const store = async (dataDirectory: string) => {
    const child = start('store', [], { DATA_DIR: dataDirectory });
    const [report] = await Array.fromAsync(child.reports);
    await expect(child.ended).resolves.toMatchObject({ code: 0, errors: '' });
    return report as { users: number; embedded: boolean; description: string; id: string };
  };
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
    const nested = join(folder, 'not', 'yet', 'there');
    const { embedded, description, id } = await store(nested);
    expect(embedded).toBe(true);
    expect(description).toMatch(/^PGlite \(PostgreSQL \d+\.\d+\) in .*there\/postgres$/);
    const again = await open(nested);
    await expect(again.prisma.user.findUnique({ where: { id } })).resolves.toMatchObject({ id });
    await again.close();
  });

  it('is refused to a second process, which is told of the first, and freed when that is killed', async () => {
    const first = start('write');
    await first.reports.next();
    await expect(open()).rejects.toMatchObject({
      name: 'StartupError',
      message: expect.stringMatching(
        new RegExp(
          `^DATA_DIR ${folder} is in use by another process \\(pid ${String(first.process.pid)}\\)\\. Stop it,.*DATABASE_URL`,
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
    const starting = Array.from({ length: 4 }, () => start('write'));
    const outcomes = await Promise.all(starting.map((child) => child.reports.next()));
    expect(outcomes.filter((outcome) => outcome.value === 'ready')).toHaveLength(1);
  });

  it('loses no acknowledged row, and keeps no half of a transaction, over five kills', async () => {
    const acknowledged: unknown[] = [];
    for (let round = 0; round < 5; round++) {
      acknowledged.push(...(await killAfter(start('write'), randomInt(2, 200))));
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

  it('is begun anew when the process was killed while it made it', async () => {
    await writeFile(join(folder, 'postgres.initialising'), '');
    await mkdir(join(folder, 'postgres'));
    await writeFile(join(folder, 'postgres', 'PG_VERSION'), '18\n');
    expect(await store(folder)).toMatchObject({ users: 0 });
    expect((await readdir(folder)).sort()).toEqual(['postgres', 'postgres.lock']);
  });

  it('begins with the template, and is then what migrations and pg-boss make of nothing', async () => {
    const catalogue = async (dataDirectory: string, environment: Record<string, string> = {}) => {
      const child = start('catalogue', [], { DATA_DIR: dataDirectory, ...environment });
      const [lines] = await Array.fromAsync(child.reports);
      await expect(child.ended).resolves.toMatchObject({ code: 0, errors: '' });
      return lines as string[];
    };
    const made = await catalogue(join(folder, 'made'));
    expect(made.filter((line) => line.startsWith('migration '))).toHaveLength(
      (await readdir(migrationsDirectory, { withFileTypes: true })).filter((entry) => entry.isDirectory()).length,
    );
    for (const kind of ['column', 'index', 'constraint', 'function', 'trigger', 'label', 'extension', 'setting']) {
      expect(made.some((line) => line.startsWith(`${kind} `))).toBe(true);
    }
    expect(await catalogue(join(folder, 'copied'), { TEMPLATE: EMBEDDED_TEMPLATE.href })).toEqual(made);
  });

  it('is brought up to date from a template of fewer migrations, and begins with nothing where one was edited', async () => {
    const migrations = join(folder, 'migrations');
    await cp(migrationsDirectory, migrations, { recursive: true });
    const later = join(migrations, '99990101000000_later');
    await mkdir(later);
    await writeFile(join(later, 'migration.sql'), 'CREATE TABLE later (id int)');
    const messages: string[] = [];
    const database = await openDatabase({
      url: undefined,
      dataDirectory: join(folder, 'newer'),
      migrationsDirectory: migrations,
      embeddedTemplate: EMBEDDED_TEMPLATE,
      logger: { ...silentLogger, info: (_, message) => void messages.push(message) },
    });
    const { rows } = await database.query('SELECT count(*)::int AS count FROM later');
    await database.close();
    expect(rows).toEqual([{ count: 0 }]);
    expect(messages).toContainEqual(expect.stringContaining('from a template'));

    const [first = ''] = (await readdir(migrations)).sort();
    const edited = join(migrations, first, 'migration.sql');
    await writeFile(edited, `${await readFile(edited, 'utf8')}\n-- edited`);
    const warnings: object[] = [];
    const warn = (fields: object) => void warnings.push(fields);
    const contents = await readMigrations(migrations);
    expect(await isUsable(EMBEDDED_TEMPLATE, contents, { ...silentLogger, warn })).toBe(false);
    expect(warnings).toEqual([{ migrations: [first] }]);
    expect(await isUsable(new URL('missing/', EMBEDDED_TEMPLATE), contents, silentLogger)).toBe(false);
    const environment = { DATA_DIR: join(folder, 'edited'), MIGRATIONS: migrations, TEMPLATE: EMBEDDED_TEMPLATE.href };
    const child = start('store', [], environment);
    expect(await Array.fromAsync(child.reports)).toMatchObject([{ users: 0 }]);
  });

  it('begins with nothing where the template is damaged', async () => {
    const damaged = pathToFileURL(`${join(folder, 'template')}/`);
    await cp(EMBEDDED_TEMPLATE, damaged, { recursive: true });
    await truncate(new URL(DUMP, damaged), 500_000);
    const child = start('store', [], { DATA_DIR: join(folder, 'whole'), TEMPLATE: damaged.href });
    expect(await Array.fromAsync(child.reports)).toMatchObject([{ users: 0 }]);
    expect((await readdir(join(folder, 'whole'))).sort()).toEqual(['postgres', 'postgres.lock']);
  });

  it('is begun anew when the process was killed while it copied the template', async () => {
    const environment = { TEMPLATE: EMBEDDED_TEMPLATE.href };
    const begun = watch(folder);
    const child = start('store', [], environment);
    for await (const { filename } of begun) if (filename === 'postgres') break;
    child.process.kill('SIGKILL');
    await expect(child.ended).resolves.toMatchObject({ signal: 'SIGKILL' });
    expect(await readdir(folder)).toContain('postgres.initialising');

    const again = start('store', [], environment);
    expect(await Array.fromAsync(again.reports)).toMatchObject([{ users: 0 }]);
    expect((await readdir(folder)).sort()).toEqual(['postgres', 'postgres.lock']);
  });

  it('is refused, and left as it is, when it is no database', async () => {
    await mkdir(join(folder, 'postgres'));
    await writeFile(join(folder, 'postgres', 'PG_VERSION'), '9\n');
    await expect(open()).rejects.toMatchObject({
      name: 'StartupError',
      message: expect.stringMatching(/^The embedded database cannot be opened\. /),
    });
    expect(await readdir(join(folder, 'postgres'))).toContain('PG_VERSION');
  });

  it('says so when the folder cannot be made', async () => {
    await writeFile(join(folder, 'file'), '');
    await expect(open(join(folder, 'file'))).rejects.toMatchObject({
      name: 'StartupError',
      message: expect.stringMatching(/^DATA_DIR .*file cannot be made: EEXIST/),
    });
  });

  it('keeps days as they are in every time zone', async () => {
    for (const zone of ['Pacific/Auckland', 'America/Los_Angeles']) {
      const child = start('dates', ['2024-02-29', '2024-12-31'], { TZ: zone });
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
