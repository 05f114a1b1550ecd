import { cp, mkdir, readdir, readFile, truncate, watch, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { EmbeddedFolder } from '../../../test/support/embedded-folder.js';
import { migrationsDirectory, silentLogger } from '../../../test/support/servers.js';
import { DUMP, EMBEDDED_TEMPLATE, isUsable } from './embedded-template.js';
import { readMigrations } from './migrate.js';
import { openDatabase } from './open-database.js';

describe('a new embedded database', () => {
  let folder: EmbeddedFolder;
  beforeEach(async () => {
    folder = await EmbeddedFolder.make();
  });
  afterEach(() => folder.remove());

  it('begins with the template, and is then what migrations and pg-boss make of nothing', async () => {
    const catalogue = async (dataDirectory: string, environment: Record<string, string> = {}) => {
      const child = folder.start('catalogue', [], { DATA_DIR: dataDirectory, ...environment });
      const [lines] = await Array.fromAsync(child.reports);
      await expect(child.ended).resolves.toMatchObject({ code: 0, errors: '' });
      return lines as string[];
    };
    const made = await catalogue(join(folder.path, 'made'));
    expect(made.filter((line) => line.startsWith('migration '))).toHaveLength(
      (await readdir(migrationsDirectory, { withFileTypes: true })).filter((entry) => entry.isDirectory()).length,
    );
    for (const kind of ['column', 'index', 'constraint', 'function', 'trigger', 'label', 'extension', 'setting']) {
      expect(made.some((line) => line.startsWith(`${kind} `))).toBe(true);
    }
    expect(await catalogue(join(folder.path, 'copied'), { TEMPLATE: EMBEDDED_TEMPLATE.href })).toEqual(made);
  });

  it('is brought up to date from a template of fewer migrations, and begins with nothing where one was edited', async () => {
    const migrations = join(folder.path, 'migrations');
    await cp(migrationsDirectory, migrations, { recursive: true });
    const later = join(migrations, '99990101000000_later');
    await mkdir(later);
    await writeFile(join(later, 'migration.sql'), 'CREATE TABLE later (id int)');
    const messages: string[] = [];
    const database = await openDatabase({
      url: undefined,
      dataDirectory: join(folder.path, 'newer'),
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
    const environment = {
      DATA_DIR: join(folder.path, 'edited'),
      MIGRATIONS: migrations,
      TEMPLATE: EMBEDDED_TEMPLATE.href,
    };
    const child = folder.start('store', [], environment);
    expect(await Array.fromAsync(child.reports)).toMatchObject([{ users: 0 }]);
  });

  it('begins with nothing where the template is damaged', async () => {
    const damaged = pathToFileURL(`${join(folder.path, 'template')}/`);
    await cp(EMBEDDED_TEMPLATE, damaged, { recursive: true });
    await truncate(new URL(DUMP, damaged), 500_000);
    const child = folder.start('store', [], { DATA_DIR: join(folder.path, 'whole'), TEMPLATE: damaged.href });
    expect(await Array.fromAsync(child.reports)).toMatchObject([{ users: 0 }]);
    expect((await readdir(join(folder.path, 'whole'))).sort()).toEqual(['postgres', 'postgres.lock']);
  });

  it('is begun anew when the process was killed while it copied the template', async () => {
    const environment = { TEMPLATE: EMBEDDED_TEMPLATE.href };
    const begun = watch(folder.path);
    const child = folder.start('store', [], environment);
    for await (const { filename } of begun) if (filename === 'postgres') break;
    child.process.kill('SIGKILL');
    await expect(child.ended).resolves.toMatchObject({ signal: 'SIGKILL' });
    expect(await readdir(folder.path)).toContain('postgres.initialising');

    const again = folder.start('store', [], environment);
    expect(await Array.fromAsync(again.reports)).toMatchObject([{ users: 0 }]);
    expect((await readdir(folder.path)).sort()).toEqual(['postgres', 'postgres.lock']);
  });
});
