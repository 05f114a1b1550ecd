import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import { openDatabase } from '../../src/adapters/postgres/open-database.js';
import type { OpenedDatabase } from '../../src/adapters/postgres/pool-database.js';
import { Unavailable } from '../../src/kernel/errors.js';
import type { Log } from '../../src/kernel/log.js';
import type { Sql } from '../../src/ports/database.js';
import { signUp } from '../support/actor.js';
import { eventually } from '../support/eventually.js';
import { killPrograms, startProgram, withDataDirectory } from '../support/program.js';
import { administer, createDatabase, migrationsDirectory, silentLogger, testServerUrl } from '../support/servers.js';

const server = testServerUrl();
const onServer = server === undefined ? describe.skip : describe;

const BUSY = { message: 'The database is busy at present', details: { retryAfter: 2 } };
const UNWRITABLE = { message: 'The database cannot be written to at present', details: { retryAfter: 10 } };

onServer('a PostgreSQL server at its limits', () => {
  const admin = server ?? '';
  let created: Awaited<ReturnType<typeof createDatabase>>;
  let name: string;
  let operator: pg.Client;
  const opened: OpenedDatabase[] = [];
  const errors: string[] = [];
  const logger: Log = { ...silentLogger, error: (_fields, message) => errors.push(message) };

  beforeAll(async () => {
    created = await createDatabase(admin);
    name = new URL(created.url).pathname.slice(1);
    await (await open(created.url)).query('CREATE TABLE pairs (id int PRIMARY KEY, n int NOT NULL)');
  });
  afterAll(() => created.drop());
  beforeEach(async () => {
    operator = new pg.Client(created.url);
    await operator.connect();
    await operator.query('TRUNCATE pairs; INSERT INTO pairs VALUES (1, 0), (2, 0)');
  });
  afterEach(async () => {
    await operator.end();
    for (const database of opened.splice(0)) await database.close();
    errors.length = 0;
  });

  const open = async (url: string, poolSize = 4, logger: Log = silentLogger) => {
    const place = { dataDirectory: '', migrationsDirectory, logger };
    const database = await openDatabase({ url, poolSize, ...place });
    opened.push(database);
    return database;
  };
  const failureOf = (work: Promise<unknown>) => work.catch((error: unknown) => error);
  /** Ends the sessions, so that those which follow have the database's present settings. */
  const endSessions = () =>
    operator.query(
      'SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1 AND pid <> pg_backend_pid()',
      [name],
    );
  /** Waits for a lock that the operator holds until the end of its transaction. */
  const waiters = async () =>
    (
      await operator.query<{ pid: number }>(
        `SELECT pid FROM pg_stat_activity WHERE datname = $1 AND wait_event_type = 'Lock'`,
        [name],
      )
    ).rows;

  it.each([
    ['SQL', (database: OpenedDatabase) => database.query('UPDATE users SET plan = plan')],
    ['Prisma', (database: OpenedDatabase) => database.prisma.user.updateMany({ data: { plan: 'free' } })],
    [
      'SQL in a transaction',
      (database: OpenedDatabase) => database.transaction((sql) => sql.query('UPDATE users SET plan = plan')),
    ],
    [
      'Prisma in a transaction',
      (database: OpenedDatabase) =>
        database.transaction((sql) => sql.prisma.user.updateMany({ data: { plan: 'free' } })),
    ],
  ])('is busy when a lock, or time, is not to be had by %s, and serves on', async (_, update) => {
    const database = await open(created.url, 1);
    const [session] = (await database.query<{ pid: number }>('SELECT pg_backend_pid() AS pid')).rows;
    await operator.query('BEGIN; LOCK TABLE users IN ACCESS EXCLUSIVE MODE');
    try {
      const cancelled = failureOf(update(database));
      const [waiter] = await eventually(waiters, ({ length }) => length > 0);
      expect(waiter).toEqual(session);
      await operator.query('SELECT pg_cancel_backend($1)', [waiter?.pid]);
      expect(await cancelled).toMatchObject(BUSY);
      await database.query(`SET lock_timeout = '50ms'`);
      expect(await failureOf(update(database))).toMatchObject(BUSY);
    } finally {
      await operator.query('ROLLBACK');
    }
    await update(database);
  });

  it('is busy when all connections are lent, and not away', async () => {
    const database = await open(created.url, 1);
    const gate = Promise.withResolvers<undefined>();
    const holder = database.transaction(() => gate.promise);
    const waiting = [database.query('SELECT 1'), database.prisma.user.count()].map(failureOf);
    for (const outcome of await Promise.all(waiting)) expect(outcome).toMatchObject(BUSY);
    gate.resolve(undefined);
    await holder;
    await database.query('SELECT 1');
  });

  it('is busy when the server takes no more connections', async () => {
    const role = `${name}_role`;
    await administer(admin, `CREATE ROLE ${role} LOGIN CONNECTION LIMIT 1 IN ROLE pg_read_all_data`);
    try {
      const url = new URL(created.url);
      url.username = role;
      const database = await open(url.href, 2);
      const begun = Promise.withResolvers<undefined>();
      const gate = Promise.withResolvers<undefined>();
      const hold = () =>
        database.transaction(() => {
          begun.resolve(undefined);
          return gate.promise;
        });
      // The session that the start had may take a moment to end.
      const holder = eventually(
        () => failureOf(hold()),
        (result) => !(result instanceof Error),
      );
      await begun.promise;
      expect(await failureOf(database.query('SELECT 1'))).toMatchObject(BUSY);
      expect(await failureOf(database.prisma.user.count())).toMatchObject(BUSY);
      gate.resolve(undefined);
      await holder;
      await database.close();
    } finally {
      await administer(admin, `DROP ROLE ${role}`);
    }
  });

  it('does a transaction again that a deadlock ended, with all that it did, and no error is logged', async () => {
    const database = await open(created.url, 4, logger);
    const runs = { count: 0 };
    const bump = (sql: Sql, id: number) => sql.query('UPDATE pairs SET n = n + 1 WHERE id = $1', [id]);
    const both = [Promise.withResolvers<undefined>(), Promise.withResolvers<undefined>()] as const;
    const pass = (first: 0 | 1) =>
      database.transaction(async (sql) => {
        runs.count += 1;
        await bump(sql, first + 1);
        both[first].resolve(undefined);
        await both[1 - first]?.promise;
        await bump(sql, 2 - first);
      });
    await Promise.all([pass(0), pass(1)]);
    expect(runs.count).toBe(3);
    expect((await database.query('SELECT n FROM pairs ORDER BY id')).rows).toEqual([{ n: 2 }, { n: 2 }]);
    expect(errors).toEqual([]);
  });

  it('gives up a transaction that fails so again and again, as busy, and logs it', async () => {
    const database = await open(created.url, 4, logger);
    const runs = { count: 0 };
    const fail = `DO $$ BEGIN RAISE EXCEPTION 'conflict' USING ERRCODE = '40001'; END $$`;
    const work = database.transaction(async (sql) => {
      runs.count += 1;
      await sql.query(fail);
    });
    const busy = { message: BUSY.message, details: { retryAfter: 1 } };
    expect(await failureOf(work)).toMatchObject(busy);
    expect(runs.count).toBe(4);
    expect(errors).toEqual(['A transaction was in the way of another one again and again: it was given up']);
    expect(await failureOf(database.query(fail))).toMatchObject(busy);
  });

  it.each(['53100', '53200', '58030', 'XX001', '57P03', '08006'])(
    'is unavailable when it answers %s',
    async (state) => {
      const database = await open(created.url);
      const fail = `DO $$ BEGIN RAISE EXCEPTION 'no' USING ERRCODE = '${state}'; END $$`;
      expect(await failureOf(database.query(fail))).toBeInstanceOf(Unavailable);
      expect(await failureOf(database.prisma.$executeRawUnsafe(fail))).toBeInstanceOf(Unavailable);
    },
  );

  it('takes no writes while it is read-only, as after a failover, and again afterwards', async () => {
    const database = await open(created.url, 2);
    await operator.query(`ALTER DATABASE ${name} SET default_transaction_read_only = on`);
    await endSessions();
    const write = () => database.query('UPDATE pairs SET n = 9');
    await eventually(
      () => failureOf(write()),
      (error) => error instanceof Unavailable && error.message === UNWRITABLE.message,
    );
    expect(await failureOf(write())).toMatchObject(UNWRITABLE);
    expect(await failureOf(database.prisma.user.updateMany({ data: { plan: 'free' } }))).toMatchObject(UNWRITABLE);
    await database.query('SELECT 1');
    // The connections that were refused are given up: new ones may lead to another server.
    await operator.query(
      `SET default_transaction_read_only = off; ALTER DATABASE ${name} RESET default_transaction_read_only`,
    );
    await endSessions();
    await eventually(
      () => failureOf(write()),
      (result) => !(result instanceof Error),
    );
  });

  it('is told to clients of every door as 503, with the time to wait', async () => {
    await withDataDirectory(async (directory) => {
      const url = new URL(created.url);
      url.searchParams.set('options', '-c lock_timeout=50ms');
      const program = await startProgram({ DATA_DIR: directory, DATABASE_URL: url.href });
      const owner = await signUp(program);
      await operator.query('BEGIN; LOCK TABLE conversations IN ACCESS EXCLUSIVE MODE');
      try {
        const answer = await owner.rest('GET', '/conversations');
        expect(answer).toMatchObject({ status: 503, body: { message: BUSY.message } });
        expect(answer.headers.get('retry-after')).toBe('2');
        const { errors } = await owner.graphql('{ conversations(first: 1) { edges { node { id } } } }');
        expect(errors).toMatchObject([{ message: BUSY.message, extensions: { code: 'UNAVAILABLE', retryAfter: 2 } }]);
        const created = await owner.rest('POST', '/conversations', { title: 'One' });
        expect(created.status).toBe(503);
      } finally {
        await operator.query('ROLLBACK');
      }
      expect((await owner.rest('POST', '/conversations', { title: 'One' })).status).toBe(200);
      expect(program.output()).not.toContain('An unexpected error');
      expect(program.output()).toContain('canceling statement due to lock timeout');
      await killPrograms();
    });
  });
});
