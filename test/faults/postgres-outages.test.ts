import { once } from 'node:events';
import { request, type IncomingMessage } from 'node:http';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { signUp } from '../support/actor.js';
import { eventually } from '../support/eventually.js';
import { startFaultProxy, type FaultProxy } from '../support/fault-proxy.js';
import { postgresBinaries, startPostgres, type PostgresServer } from '../support/postgres-server.js';
import { killPrograms, startProgram, withDataDirectory, type Program } from '../support/program.js';

const PLANS = JSON.stringify({
  free: { price: 0, daily_messages: 0, daily_tokens: 0, max_conversations: 100, max_file_uploads: 1 },
});

const readiness = async ({ url }: Program) => (await fetch(`${url}/health/ready`)).status;

/** On servers of their own, which these tests crash, freeze and replace. */
(postgresBinaries === undefined ? describe.skip : describe)('a PostgreSQL server that is away', () => {
  let server: PostgresServer;
  let proxy: FaultProxy;
  beforeAll(async () => {
    server = await startPostgres();
  });
  afterAll(() => server.remove());
  beforeEach(async () => {
    proxy = await startFaultProxy({ host: '127.0.0.1', port: server.port });
  });
  afterEach(async () => {
    await killPrograms();
    await proxy.close();
  });

  const withService = (work: (program: Program, owner: Awaited<ReturnType<typeof signUp>>) => Promise<void>) =>
    withDataDirectory(async (directory) => {
      const url = `postgresql://postgres@127.0.0.1:${proxy.port}/postgres`;
      const program = await startProgram({ DATA_DIR: directory, DATABASE_URL: url, PLANS });
      await work(program, await signUp(program));
      expect(program.output()).not.toMatch(/An unexpected error|nobody waited for/);
      program.kill('SIGTERM');
      expect(await program.exited).toEqual({ code: 0, signal: null });
    });
  type Owner = Awaited<ReturnType<typeof signUp>>;
  const write = async (owner: Owner, title: string) => (await owner.rest('POST', '/conversations', { title })).status;
  const untilWritten = (owner: Owner, title: string) =>
    eventually(
      () => write(owner, title),
      (status) => status === 200,
    );
  const titles = async (owner: Owner) =>
    ((await owner.rest('GET', '/conversations')).body.data as { title: string }[]).map(({ title }) => title).sort();

  it('since it crashed: calls are 503 until it is back, and what was acknowledged is there', async () => {
    await withService(async (program, owner) => {
      expect(await write(owner, 'before')).toBe(200);
      await server.crash();
      expect(await write(owner, 'lost')).toBe(503);
      expect(await readiness(program)).toBe(503);
      await server.start();
      await untilWritten(owner, 'after');
      expect(await readiness(program)).toBe(200);
      expect(await titles(owner)).toEqual(['after', 'before']);
    });
  });

  it('since it is frozen: readiness tells it, the process lives, and it goes on when it is thawed', async () => {
    await withService(async (program, owner) => {
      expect(await write(owner, 'before')).toBe(200);
      server.freeze();
      try {
        const waiting = write(owner, 'meanwhile');
        expect(await readiness(program)).toBe(503);
        expect((await fetch(`${program.url}/health/live`)).status).toBe(200);
        server.thaw();
        // Within its time limit the statement is only late.
        expect([200, 503]).toContain(await waiting);
      } finally {
        server.thaw();
      }
      await untilWritten(owner, 'after');
    });
  });

  it('since another one took its place: the service goes on there, with all that was acknowledged', async () => {
    const primary = await startPostgres();
    const standby = await primary.replicate();
    try {
      await primary.replicateSynchronously();
      proxy.redirect({ host: '127.0.0.1', port: primary.port });
      await withService(async (program, owner) => {
        const acknowledged: string[] = [];
        for (const title of ['one', 'two', 'three']) if ((await write(owner, title)) === 200) acknowledged.push(title);
        expect(acknowledged).toHaveLength(3);
        // The standby answers reads before it takes writes, as behind a name that was moved too early.
        proxy.redirect({ host: '127.0.0.1', port: standby.port });
        await primary.crash();
        await eventually(
          () => owner.rest('POST', '/conversations', { title: 'too early' }),
          ({ status, body }) => status === 503 && body.message === 'The database cannot be written to at present',
        );
        await standby.promote();
        await untilWritten(owner, 'after');
        expect(await titles(owner)).toEqual([...acknowledged, 'after'].sort());
        expect(await readiness(program)).toBe(200);
      });
    } finally {
      await killPrograms();
      await standby.remove();
      await primary.remove();
    }
  });

  it('just after it committed an upload: the file is there, with its bytes, and counts once', async () => {
    await withService(async (program, owner) => {
      const sending = request(`${program.url}/api/v1/uploads`, {
        method: 'POST',
        headers: { authorization: `Bearer ${owner.token ?? ''}`, 'content-type': 'multipart/form-data; boundary=b' },
      });
      const answer = once(sending, 'response');
      sending.write('--b\r\nContent-Disposition: form-data; name="file"; filename="notes.txt"\r\n\r\nfirst, ');
      const placesTaken = async () =>
        (await owner.ask<{ limits: { uploads: { used: number } } }>('{ limits { uploads { used } } }')).limits.uploads;
      await eventually(placesTaken, ({ used }) => used === 1);
      // As a whole statement: BEGIN names it, too.
      proxy.loseAnswersTo('COMMIT\0');
      sending.end('last\r\n--b--\r\n');
      const [{ statusCode }] = (await answer) as [IncomingMessage];
      proxy.heal();
      expect(statusCode).toBe(200);
      const { uploads, usage } = await owner.ask<{
        uploads: { nodes: { url: string }[] };
        usage: { fileUploads: number }[];
      }>('{ uploads { nodes { url } } usage { fileUploads } }');
      expect([uploads.nodes.length, usage]).toEqual([1, [{ fileUploads: 1 }]]);
      expect(await (await fetch(uploads.nodes[0]?.url ?? '')).text()).toBe('first, last');
    });
  });
});
