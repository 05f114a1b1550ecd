import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { openDatabase, type OpenDatabaseOptions } from '../../src/adapters/postgres/open-database.js';
import type { OpenedDatabase } from '../../src/adapters/postgres/pool-database.js';
import { newId } from '../../src/kernel/ids.js';
import { Actor, signUp } from '../support/actor.js';
import { pgbouncerProgram, startPgBouncer, type PgBouncer } from '../support/pgbouncer.js';
import { killPrograms, startProgram, withDataDirectory } from '../support/program.js';
import { ROOMY_PLANS } from '../support/replies.js';
import { administer, createDatabase, migrationsDirectory, silentLogger, testServerUrl } from '../support/servers.js';

const server = testServerUrl();
const onServer = server === undefined ? describe.skip : describe;
const behindPgBouncer = server === undefined || pgbouncerProgram === undefined ? describe.skip : describe;

const opened: OpenedDatabase[] = [];

async function open(url: string, options: Partial<OpenDatabaseOptions> = {}): Promise<OpenedDatabase> {
  const place = { dataDirectory: '', migrationsDirectory, logger: silentLogger };
  const database = await openDatabase({ url, ...place, ...options });
  opened.push(database);
  return database;
}

async function closeAll(): Promise<void> {
  for (const database of opened.splice(0)) await database.close();
}

const namesIn = async (database: OpenedDatabase) =>
  (await database.query<{ n: number }>('SELECT count(*) AS n FROM pg_prepared_statements')).rows[0]?.n;

behindPgBouncer('behind a PgBouncer that changes sessions between transactions', () => {
  let created: Awaited<ReturnType<typeof createDatabase>>;
  let pooler: PgBouncer;

  beforeEach(async () => {
    created = await createDatabase(server ?? '');
    // Another zone than the service's: sessions differ until they are set up.
    await administer(
      created.url,
      `ALTER DATABASE ${new URL(created.url).pathname.slice(1)} SET timezone = 'Asia/Tokyo'`,
    );
    pooler = await startPgBouncer(created.url, { sessions: 3 });
  });
  afterEach(async () => {
    await killPrograms();
    await closeAll();
    await pooler.stop();
    await created.drop();
  });

  it('several instances start at once, migrate once, and serve', async () => {
    await withDataDirectory(async (directory) => {
      const environment = {
        DATA_DIR: directory,
        DATABASE_URL: pooler.url,
        PLANS: ROOMY_PLANS,
        SECRET_KEY: 'one key of thirty-two bytes or more',
      };
      const programs = await Promise.all([startProgram(environment), startProgram(environment)]);
      const [first, second] = programs;
      const owner = await signUp(first);
      const onSecond = new Actor(second.url, owner.credentials);
      onSecond.token = owner.token;
      const statuses = new Set<number>();
      for (let round = 0; round < 6; round++) {
        const answers = await Promise.all(
          [owner, onSecond].flatMap((actor) => [
            actor.rest('POST', '/conversations', { title: 'One' }),
            actor.rest('GET', '/conversations'),
            actor.rest('GET', '/users/me'),
            actor.rest('PATCH', '/users/me', { profile: { round } }),
          ]),
        );
        for (const { status } of answers) statuses.add(status);
      }
      expect([...statuses]).toEqual([200]);
      for (const program of programs) {
        expect(program.output()).toContain('knows nothing of prepared statements');
        expect(program.output()).not.toMatch(/An unexpected error|prepared statement "/);
      }
      const applied = programs.flatMap((program) =>
        [...program.output().matchAll(/"migrations":(\[[^\]]*\])/g)].flatMap(
          ([, list]) => JSON.parse(list ?? '') as string[],
        ),
      );
      expect(applied.length).toBeGreaterThan(0);
      expect(new Set(applied).size).toBe(applied.length);
      for (const program of programs) program.kill('SIGTERM');
      for (const program of programs) expect(await program.exited).toEqual({ code: 0, signal: null });
    });
  });

  it('every session is in UTC, by SQL and by Prisma, however many there are', async () => {
    const database = await open(pooler.url, { poolSize: 8 });
    const zones = await Promise.all(
      Array.from({ length: 40 }, async (_, index) => {
        const zone = `SELECT current_setting('TimeZone') AS zone, pg_sleep(0.01)::text`;
        const { rows } =
          index % 2 === 0
            ? await database.query<{ zone: string }>(zone)
            : await database.transaction((sql) => sql.query<{ zone: string }>(zone));
        return rows[0]?.zone;
      }),
    );
    expect(new Set(zones)).toEqual(new Set(['UTC']));
    const createdAt = new Date('2026-01-01T00:00:00.000Z');
    const ids = Array.from({ length: 20 }, newId);
    await Promise.all(
      ids.map((id) => database.prisma.user.create({ data: { id, provider: 'local', plan: 'free', createdAt } })),
    );
    const { rows } = await database.query<{ at: Date }>('SELECT created_at AS at FROM users WHERE id = ANY($1)', [ids]);
    expect(rows.map(({ at }) => at.toISOString())).toEqual(ids.map(() => createdAt.toISOString()));
  });

  it('an instance that was told to use names finds out, and goes on', async () => {
    const database = await open(pooler.url, { poolSize: 8 });
    const other = await open(pooler.url, { poolSize: 8 });
    const named = (from: OpenedDatabase, n: number) =>
      from.query<{ n: number }>('SELECT $1::int AS n', [n], 'same_name');
    const answers = await Promise.all(
      Array.from({ length: 60 }, (_, n) => named(n % 2 === 0 ? database : other, n).then(({ rows }) => rows[0]?.n)),
    );
    expect(answers).toEqual(answers.map((_, n) => n));
  });
});

onServer('prepared statements', () => {
  let created: Awaited<ReturnType<typeof createDatabase>>;
  beforeAll(async () => {
    created = await createDatabase(server ?? '');
  });
  afterEach(closeAll);
  afterAll(() => created.drop());

  it.each([
    ['auto', 2],
    ['on', 2],
    ['off', 0],
  ] as const)('are as the setting says without a pooler: %s', async (preparedStatements, names) => {
    const database = await open(created.url, { poolSize: 1, preparedStatements });
    await database.query('SELECT 1', [], 'one');
    await database.transaction((sql) => sql.query('SELECT 2', [], 'two'));
    expect(await namesIn(database)).toBe(names);
  });

  it.each([
    ['forgot', 'DEALLOCATE ALL'],
    ['changed the plan of', 'ALTER TABLE changing ADD COLUMN IF NOT EXISTS more int'],
  ])('that the session %s are sent again, without a name', async (_, spoil) => {
    const database = await open(created.url, { poolSize: 1 });
    await database.query('CREATE TABLE IF NOT EXISTS changing (id int)');
    const read = () => database.query('SELECT * FROM changing', [], 'read_changing');
    const readInTransaction = () =>
      database.transaction(async (sql) => {
        await sql.query('INSERT INTO changing (id) VALUES (1)');
        return sql.query('SELECT * FROM changing', [], 'read_changing');
      });
    await database.query('TRUNCATE changing');
    await read();
    await database.query(spoil);
    expect((await read()).rowCount).toBe(0);
    await database.query('ALTER TABLE changing DROP COLUMN IF EXISTS more');
    const again = await open(created.url, { poolSize: 1 });
    await again.query('SELECT * FROM changing', [], 'read_changing');
    await read();
    await database.query(spoil);
    expect((await readInTransaction()).rowCount).toBe(1);
  });
});
