import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import { openDatabase } from '../../src/adapters/postgres/open-database.js';
import type { OpenedDatabase } from '../../src/adapters/postgres/pool-database.js';
import { Unavailable } from '../../src/kernel/errors.js';
import { createMigratedDatabase } from '../support/migrated-database.js';
import { type CreatedDatabase, migrationsDirectory, silentLogger, testServerUrl } from '../support/servers.js';
import { eventually } from '../support/eventually.js';
import { randomFrom } from '../support/random.js';
import { startFaultProxy, type FaultProxy } from '../support/fault-proxy.js';

const server = testServerUrl();
const POOL_SIZE = 10;
const ROUNDS = 40;
const SEED = 20_261_126;
const MOST_BYTES = 1_200;

/** An `error` event without a listener would end the process; here it fails the test. */
(server === undefined ? describe.skip : describe)('connections to PostgreSQL that break while they are opened', () => {
  const admin = server ?? '';
  let created: CreatedDatabase;
  let proxy: FaultProxy;
  let database: OpenedDatabase;

  beforeAll(async () => {
    created = await createMigratedDatabase(admin);
  });
  afterAll(() => created.drop());
  beforeEach(async () => {
    const { hostname, port } = new URL(admin);
    proxy = await startFaultProxy({ host: hostname, port: Number(port) || 5432 });
    const url = new URL(created.url);
    url.hostname = '127.0.0.1';
    url.port = String(proxy.port);
    database = await openDatabase({
      url: url.href,
      dataDirectory: '',
      migrationsDirectory,
      logger: silentLogger,
      poolSize: POOL_SIZE,
    });
  });
  afterEach(async () => {
    await database.close();
    await proxy.close();
  });

  const useAll = () =>
    Promise.allSettled([
      ...Array.from({ length: POOL_SIZE }, () => database.query('SELECT 1')),
      ...Array.from({ length: POOL_SIZE }, () => database.prisma.user.count()),
    ]);

  it('by a reset at the session set-up are unavailable, and the service goes on', async () => {
    proxy.resetAt('SET TIME ZONE');
    for (const outcome of await useAll()) {
      expect(outcome).toMatchObject({ status: 'rejected', reason: expect.any(Unavailable) });
    }
    proxy.heal();
    await expect(database.query('SELECT 1')).resolves.toMatchObject({ rowCount: 1 });
  });

  it('by a reset after any number of bytes are unavailable, and the service goes on', async () => {
    const random = randomFrom(SEED);
    // The start-up, its answer, and the session's settings with their answers are some 700 bytes.
    proxy.resetAfter(() => 1 + random.below(MOST_BYTES));
    proxy.reset();
    const reasons = new Set<unknown>();
    for (let round = 0; round < ROUNDS; round++) {
      for (const outcome of await useAll()) if (outcome.status === 'rejected') reasons.add(outcome.reason);
    }
    expect(reasons.size).toBeGreaterThan(0);
    expect([...reasons].filter((reason) => !(reason instanceof Unavailable))).toEqual([]);
    proxy.heal();
    proxy.reset();
    await eventually(
      () => database.query('SELECT 1').catch(() => null),
      (answer) => answer !== null,
    );
  });

  it('since the server ends them again and again are unavailable, and the service goes on', async () => {
    const killer = new pg.Client(admin);
    await killer.connect();
    const name = new URL(created.url).pathname.slice(1);
    const kill = () =>
      killer.query('SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1', [name]);
    const reasons = new Set<unknown>();
    let killed = 0;
    try {
      for (let round = 0; round < ROUNDS; round++) {
        const progress = { isOver: false };
        const uses = useAll().finally(() => (progress.isOver = true));
        while (!progress.isOver) killed += (await kill()).rowCount ?? 0;
        for (const outcome of await uses) if (outcome.status === 'rejected') reasons.add(outcome.reason);
      }
    } finally {
      await killer.end();
    }
    expect(killed).toBeGreaterThan(ROUNDS);
    expect([...reasons].filter((reason) => !(reason instanceof Unavailable))).toEqual([]);
    await expect(database.query('SELECT 1')).resolves.toMatchObject({ rowCount: 1 });
  });
});
