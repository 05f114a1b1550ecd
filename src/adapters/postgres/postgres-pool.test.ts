import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { administer, createDatabase, migrationsDirectory, testServerUrl } from '../../../test/support/servers.js';
import { type FaultProxy, startFaultProxy } from '../../../test/support/fault-proxy.js';
import { Unavailable } from '../../kernel/errors.js';
import type { Log } from '../../kernel/log.js';
import type { Sql } from '../../ports/database.js';
import { openDatabase } from './open-database.js';
import type { OpenedDatabase } from './pool-database.js';

const server = testServerUrl();

(server === undefined ? describe.skip : describe)('on a PostgreSQL server', () => {
  const admin = server ?? '';
  const logger = { info: jest.fn<Log['info']>(), warn: jest.fn<Log['warn']>(), error: jest.fn<Log['error']>() };
  let created: Awaited<ReturnType<typeof createDatabase>>;
  let proxy: FaultProxy;
  const opened: OpenedDatabase[] = [];

  const open = async (url: string, poolSize = 10) => {
    const database = await openDatabase({ url, dataDirectory: '', migrationsDirectory, logger, poolSize });
    opened.push(database);
    return database;
  };
  const throughProxy = () => {
    const url = new URL(created.url);
    url.hostname = '127.0.0.1';
    url.port = String(proxy.port);
    return url.href;
  };
  const backendOf = async (database: Sql) => {
    const { rows } = await database.query<{ pid: number }>('SELECT pg_backend_pid() AS pid');
    return rows[0]?.pid ?? 0;
  };
  const terminate = (pid: number) => administer(admin, `SELECT pg_terminate_backend(${String(pid)}, 5000)`);
  const terminateAll = () => {
    const name = new URL(created.url).pathname.slice(1);
    return administer(admin, `SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = '${name}'`);
  };

  beforeAll(async () => {
    created = await createDatabase(admin);
    const { hostname, port } = new URL(admin);
    proxy = await startFaultProxy({ host: hostname, port: Number(port) || 5432 });
  });
  afterAll(async () => {
    await Promise.all(opened.map((database) => database.close()));
    await proxy.close();
    await created.drop();
  });

  it('is described without its password', async () => {
    const url = new URL(created.url);
    url.password = 'a-secret';
    const { description, embedded } = await open(url.href);
    expect(embedded).toBe(false);
    expect(description).toMatch(/^PostgreSQL \d+\.\d+ at .+:\d+\/flynkle_test_/);
    expect(description).not.toContain('a-secret');
  });

  it('has its tables in the schema of the search path, for SQL and Prisma alike', async () => {
    const apart = await createDatabase(admin);
    const url = new URL(apart.url);
    url.searchParams.set('options', '-c search_path=apart');
    await expect(open(url.href)).rejects.toThrow('has no schema of those in its search_path');
    await administer(apart.url, 'CREATE SCHEMA apart');
    const database = await open(url.href);
    const data = { provider: 'local', passwordHash: '-', plan: 'free' } as const;
    const { id } = await database.prisma.user.create({ data });
    const inside = await database.transaction(async (sql) => (await sql.prisma.user.create({ data })).id);
    const { rows } = await database.query<{ id: string }>('SELECT id FROM apart.users ORDER BY id');
    expect(rows.map((row) => row.id)).toEqual([id, inside].sort());
    expect(await database.prisma.user.count()).toBe(2);
    await database.close();
    await apart.drop();
  });

  it('works in UTC whatever the zone of the server, and keeps the options of the URL', async () => {
    const zoned = await createDatabase(admin);
    await administer(admin, `ALTER DATABASE ${new URL(zoned.url).pathname.slice(1)} SET timezone = 'Asia/Tokyo'`);
    const url = new URL(zoned.url);
    url.searchParams.set('options', '-c work_mem=7MB -c timezone=America/New_York');
    const database = await open(url.href);
    const verifiedAt = new Date('2024-07-01T12:34:56.789Z');
    const { id } = await database.prisma.user.create({
      data: { provider: 'local', passwordHash: '-', plan: 'free', verifiedAt },
    });
    const { rows } = await database.query(
      `SELECT current_setting('timezone') AS zone, current_setting('work_mem') AS memory, verified_at::text AS text,
              current_setting('statement_timeout') AS limit FROM users WHERE id = $1`,
      [id],
    );
    expect(rows).toEqual([{ zone: 'UTC', memory: '7MB', text: '2024-07-01 12:34:56.789+00', limit: '15s' }]);
    await expect(database.prisma.user.findUnique({ where: { id } })).resolves.toMatchObject({ verifiedAt });
    await database.close();
    await zoned.drop();
  });

  it('keeps a connection whose statement failed', async () => {
    const database = await open(created.url, 1);
    const backend = await backendOf(database);
    await expect(database.query('SELECT nothing')).rejects.toMatchObject({ code: '42703' });
    await expect(database.transaction((sql) => sql.query('SELECT nothing'))).rejects.toMatchObject({ code: '42703' });
    expect(await backendOf(database)).toBe(backend);
  });

  it('sends a named statement that went stale again', async () => {
    const database = await open(created.url, 1);
    await database.query('CREATE TABLE stale (one int)');
    await database.query('SELECT * FROM stale', [], 'stale');
    await database.query('ALTER TABLE stale ADD COLUMN two int');
    await expect(database.query('SELECT * FROM stale', [], 'stale')).resolves.toEqual({ rows: [], rowCount: 0 });
  });

  it('goes on by itself after the server has ended all of its connections', async () => {
    const database = await open(created.url);
    await Promise.all(Array.from({ length: 10 }, () => database.query('SELECT pg_sleep(0.01)')));
    await terminateAll();
    const outcomes = await Promise.allSettled([
      ...Array.from({ length: 10 }, () => database.query('SELECT 1')),
      ...Array.from({ length: 10 }, () => database.prisma.user.count()),
    ]);
    for (const outcome of outcomes) {
      if (outcome.status === 'rejected') expect(outcome.reason).toBeInstanceOf(Unavailable);
    }
    await expect(database.query('SELECT 1')).resolves.toMatchObject({ rowCount: 1 });
    await expect(database.prisma.user.count()).resolves.toBe(0);
  });

  it('is unavailable to a transaction whose connection the server ended, and goes on', async () => {
    const database = await open(created.url, 1);
    const work = database.transaction(async (sql) => {
      await terminate(await backendOf(sql));
      await sql.query('SELECT 1');
    });
    await expect(work).rejects.toThrow(Unavailable);
    const byPrisma = database.transaction(async (sql) => {
      await terminate(await backendOf(sql));
      await sql.prisma.user.count();
    });
    await expect(byPrisma).rejects.toThrow(Unavailable);
    const idle = database.transaction(async (sql) => {
      await terminate(await backendOf(sql));
    });
    await expect(idle).rejects.toThrow(Unavailable);
    await expect(database.query('SELECT 1')).resolves.toMatchObject({ rowCount: 1 });
  });

  it("is unavailable to Prisma's transactions in the same way", async () => {
    const database = await open(created.url, 1);
    const work = database.prisma.$transaction(async (transaction) => {
      const [row] = await transaction.$queryRaw<{ pid: number }[]>`SELECT pg_backend_pid() AS pid`;
      await terminate(row?.pid ?? 0);
      await transaction.user.count();
    });
    await expect(work).rejects.toThrow(Unavailable);
    await expect(database.prisma.user.count()).resolves.toBe(0);
  });

  it('is unavailable while the server refuses connections, says so once, and goes on when it is back', async () => {
    const database = await open(throughProxy(), 2);
    await database.ping();
    logger.error.mockClear();
    logger.info.mockClear();
    proxy.refuse();
    const uses = [
      () => database.query('SELECT 1'),
      () => database.transaction((sql) => sql.query('SELECT 1')),
      () => database.prisma.user.count(),
      () => database.prisma.$transaction([database.prisma.user.count()]),
      () => database.prisma.$transaction((transaction) => transaction.user.count()),
      () => database.ping(),
    ];
    for (const use of uses) {
      const failure = await use().catch((error: unknown) => error);
      expect(failure).toBeInstanceOf(Unavailable);
      expect(failure).toMatchObject({ message: 'The database cannot be reached at present' });
    }
    expect(logger.error).toHaveBeenCalledTimes(1);
    proxy.heal();
    for (const use of uses) await use();
    expect(logger.info.mock.calls).toEqual([[{}, 'The database can be reached again']]);
  });

  it('fails a ping of a server that does not answer within two seconds', async () => {
    const database = await open(throughProxy(), 1);
    await database.ping();
    proxy.mute();
    await expect(database.ping()).rejects.toThrow('The database did not answer in time');
    proxy.heal();
    await expect(database.ping()).resolves.toBeUndefined();
  });

  it.each([
    [
      'is not there',
      (url: URL) => (url.port = '1'),
      /^DATABASE_URL: PostgreSQL at .+:1\/.+ cannot be used: .*ECONNREFUSED/,
    ],
    [
      'lacks the database',
      (url: URL) => (url.pathname = '/none'),
      /\/none cannot be used: database "none" does not exist$/,
    ],
    [
      'is none',
      (url: URL) => (url.href = 'mysql://user:a-secret@host/name'),
      /^DATABASE_URL is not of the form postgresql:/,
    ],
  ])('says what to mend when the server %s', async (_, spoil, message) => {
    const url = new URL(created.url);
    url.password = 'a-secret';
    spoil(url);
    const failure = await open(url.href).catch((error: unknown) => error);
    expect(failure).toMatchObject({ name: 'StartupError', message: expect.stringMatching(message) });
    expect(String(failure)).not.toContain('a-secret');
  });
});
