import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { openSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Actor, signUp } from '../support/actor.js';
import { eventually } from '../support/eventually.js';
import { startFaultProxy, type FaultProxy } from '../support/fault-proxy.js';
import { TEST_DEFAULTS, killPrograms, startProgram, withDatabaseDirectory } from '../support/program.js';
import { randomFrom } from '../support/random.js';
import { createMigratedDatabase } from '../support/migrated-database.js';
import { type CreatedDatabase, testServerUrl } from '../support/servers.js';
import { freePort } from '../support/free-port.js';

const SEED = 9;
const ROUNDS = 15;
const CALLS = 12;
const MOST_BYTES = 1_500;

const server = testServerUrl();
const redisServer = process.env['TEST_REDIS_URL'] ?? '';

/** The same server behind a proxy. */
async function behindProxy(address: string, defaultPort: number): Promise<{ url: string; proxy: FaultProxy }> {
  const url = new URL(address);
  const proxy = await startFaultProxy({ host: url.hostname, port: Number(url.port) || defaultPort });
  url.hostname = '127.0.0.1';
  url.port = String(proxy.port);
  return { url: url.href, proxy };
}

/** An `error` event that nobody listens for, and a rejection that nobody waits for, end a process. */
(server === undefined || redisServer === '' ? describe.skip : describe)('the service', () => {
  let created: CreatedDatabase;
  let database: Awaited<ReturnType<typeof behindProxy>>;
  let redis: Awaited<ReturnType<typeof behindProxy>>;

  beforeEach(async () => {
    created = await createMigratedDatabase(server ?? '');
    database = await behindProxy(created.url, 5432);
    redis = await behindProxy(redisServer, 6379);
  });
  afterEach(async () => {
    await killPrograms();
    await Promise.all([database.proxy.close(), redis.proxy.close()]);
    await created.drop();
  });

  it('lives while its connections are reset at any byte, answers 503 meanwhile, and is whole again afterwards', async () => {
    await withDatabaseDirectory(async (directory) => {
      const program = await startProgram({ DATA_DIR: directory, DATABASE_URL: database.url, REDIS_URL: redis.url });
      const owner = await signUp(program);
      const conversationId = await owner.createConversation();
      const random = randomFrom(SEED);
      const statuses = new Map<number, number>();
      const calls = [
        () => owner.rest('GET', '/users/me'),
        () => owner.rest('GET', '/conversations'),
        () => owner.rest('POST', `/conversations/${conversationId}/messages`, { content: 'Hello' }),
        () => new Actor(program.url).rest('POST', '/auth/login', owner.credentials),
        () => new Actor(program.url).rest('GET', '/health'),
      ] as const;
      for (const { proxy } of [database, redis]) proxy.resetAfter(() => 1 + random.below(MOST_BYTES));
      for (let round = 0; round < ROUNDS; round++) {
        database.proxy.reset();
        redis.proxy.reset();
        const answers = await Promise.all(Array.from({ length: CALLS }, () => random.pick(calls)()));
        for (const { status } of answers) statuses.set(status, (statuses.get(status) ?? 0) + 1);
      }
      expect(statuses.get(503)).toBeGreaterThan(0);
      expect([...statuses.keys()].filter((status) => status >= 500 && status !== 503)).toEqual([]);
      for (const { proxy } of [database, redis]) {
        proxy.heal();
        proxy.reset();
      }
      await eventually(
        () => owner.rest('GET', '/conversations'),
        ({ status }) => status === 200,
      );
      expect(program.output()).not.toMatch(/nobody waited for|An unexpected error/);
      program.kill('SIGTERM');
      await expect(program.exited).resolves.toEqual({ code: 0, signal: null });
    });
  });
});

(process.platform === 'linux' ? describe : describe.skip)('a log that cannot be written', () => {
  it('since its disk is full stops nothing, not even the end', async () => {
    await withDatabaseDirectory(async (directory) => {
      const port = await freePort();
      const child = spawn(process.execPath, ['dist/main.js'], {
        stdio: ['ignore', openSync('/dev/full', 'w'), 'inherit'],
        env: {
          PATH: process.env['PATH'],
          ...TEST_DEFAULTS,
          PORT: String(port),
          DATA_DIR: directory,
        },
      });
      const ended = once(child, 'close');
      const state = { isOver: false };
      void ended.then(() => (state.isOver = true));
      const url = `http://127.0.0.1:${port}`;
      await eventually(
        () => fetch(`${url}/health/ready`).catch(() => null),
        (answer) => answer?.status === 200 || state.isOver,
      );
      const owner = await signUp({ url });
      expect((await owner.rest('GET', '/users/me')).status).toBe(200);
      child.kill('SIGTERM');
      await ended;
      expect([child.exitCode, child.signalCode]).toEqual([0, null]);
    });
  });
});
