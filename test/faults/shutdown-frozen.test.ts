import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { connect, createServer, type AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from '@jest/globals';
import WebSocket from 'ws';
import { signUp } from '../support/actor.js';
import { startFaultProxy } from '../support/fault-proxy.js';
import { startModelServer } from '../support/model-server.js';
import { startOtlpReceiver } from '../support/otlp-receiver.js';
import { killPrograms, startProgram, withDatabaseDirectory, type Program } from '../support/program.js';
import { askModel, followReply } from '../support/replies.js';
import { createMigratedDatabase } from '../support/migrated-database.js';
import { testServerUrl } from '../support/servers.js';
import { StallingS3 } from '../support/stalling-s3.js';

const SHUTDOWN_SECONDS = 5;
/** Far more than it may take, and far less than what waits for ever: the machine may be busy with other things. */
const LATE_MS = 30_000;

/** Sends SIGTERM, and waits for the end. @returns what the program has written */
async function stop(program: Program): Promise<string> {
  const start = performance.now();
  program.kill('SIGTERM');
  expect(await program.exited).toEqual({ code: 0, signal: null });
  expect(performance.now() - start).toBeLessThan(LATE_MS);
  return program.output();
}

const settings = (directory: string) => ({ DATA_DIR: directory, SHUTDOWN_SECONDS: String(SHUTDOWN_SECONDS) });

/** Connections that take everything and answer nothing. */
async function startSilentServer() {
  const sockets: { destroy(): void }[] = [];
  const server = createServer((socket) => {
    socket.on('error', () => undefined).resume();
    sockets.push(socket);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    port,
    connected: once(server, 'connection'),
    close: async () => {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}

afterEach(killPrograms);

describe('SIGTERM ends the process in time', () => {
  it('and sends the spans that wait', async () => {
    const collector = await startOtlpReceiver();
    await withDatabaseDirectory(async (directory) => {
      const program = await startProgram({ ...settings(directory), OTEL_EXPORTER_OTLP_ENDPOINT: collector.url });
      const owner = await signUp(program);
      const traceId = randomBytes(16).toString('hex');
      const traceparent = `00-${traceId}-${randomBytes(8).toString('hex')}-01`;
      const { status } = await owner.rest('GET', '/users/me', undefined, { traceparent });
      expect(status).toBe(200);
      await stop(program);
      const names = collector.spans.filter((span) => span.traceId === traceId).map(({ name }) => name);
      expect(names).toContain('GET /api/v1/users/me');
      expect(names.length).toBeGreaterThan(1);
    });
    await collector.close();
  });

  it('while the collector of traces is silent, and says so', async () => {
    const collector = await startOtlpReceiver();
    await withDatabaseDirectory(async (directory) => {
      collector.answer = () => undefined;
      const program = await startProgram({ ...settings(directory), OTEL_EXPORTER_OTLP_ENDPOINT: collector.url });
      await signUp(program);
      const output = await stop(program);
      expect(output).toMatch(/"part":"traces".*a part did not close in time/);
      expect(output).toContain('"msg":"shut down"');
    });
    await collector.close();
  });

  it('while the mail server is silent, and names the mail that is left', async () => {
    await withDatabaseDirectory(async (directory) => {
      const smtp = await startSilentServer();
      const program = await startProgram({ ...settings(directory), SMTP_URL: `smtp://127.0.0.1:${smtp.port}` });
      const owner = await signUp(program);
      await owner.rest('POST', '/auth/request-verify', { email: owner.credentials.email });
      await smtp.connected;
      const output = await stop(program);
      expect(output).toMatch(/"jobs":\[\{"queue":"[^"]+","id":"[0-9a-f-]{36}"\}\].*jobs are cut off/);
      await smtp.close();
    });
  });

  it('while an upload waits for S3', async () => {
    await withDatabaseDirectory(async (directory) => {
      const s3 = new StallingS3();
      const program = await startProgram({
        ...settings(directory),
        MINIO_ENDPOINT: await s3.start(),
        MINIO_ACCESS_KEY: 'a',
        MINIO_SECRET_KEY: 'b',
        MINIO_BUCKET: 'files',
        PLANS: JSON.stringify({
          free: { price: 0, daily_messages: 9, daily_tokens: 9, max_conversations: 9, max_file_uploads: 9 },
        }),
      });
      const owner = await signUp(program);
      s3.stallsAt.add('put').add('delete');
      const form = new FormData();
      form.set('file', new File(['hello'], 'file.txt', { type: 'text/plain' }));
      const upload = fetch(`${program.url}/api/v1/uploads`, { method: 'POST', headers: owner.headers, body: form });
      const answer = upload.then(
        ({ status }) => status,
        () => 'cut off',
      );
      while (!s3.steps.includes('put')) await new Promise((resolve) => setTimeout(resolve, 10));
      await stop(program);
      expect(await answer).toBe('cut off');
      await s3.close();
    });
  });

  it('while clients do not read what they asked for', async () => {
    await withDatabaseDirectory(async (directory) => {
      const program = await startProgram(settings(directory));
      const { hostname, port } = new URL(program.url);
      const owner = await signUp(program);
      const reader = connect(Number(port), hostname).pause();
      await once(reader, 'connect');
      const page = 'GET /graphql HTTP/1.1\r\nHost: x\r\nAccept: text/html\r\n\r\n';
      reader.on('error', () => undefined).write(page.repeat(10));
      const refused = connect(Number(port), hostname).pause();
      refused.on('error', () => undefined).write('GARBAGE\r\n\r\n');
      const socket = new WebSocket(`${program.url.replace('http', 'ws')}/graphql`, 'graphql-transport-ws');
      await once(socket, 'open');
      socket.on('error', () => undefined);
      socket.send(
        JSON.stringify({ type: 'connection_init', payload: { authorization: owner.headers['authorization'] } }),
      );
      await once(socket, 'message');
      socket.pause();
      await program.wrote(/"path":"\/graphql"/);
      await stop(program);
      socket.terminate();
      refused.destroy();
      reader.destroy();
    });
  });
});

const server = testServerUrl();
const redisUrl = process.env['TEST_REDIS_URL'] ?? '';
const onServers = server === undefined || redisUrl === '' ? describe.skip : describe;

onServers.each(['PostgreSQL', 'Redis'] as const)('SIGTERM while %s is frozen', (frozen) => {
  it('ends the process in time, in the middle of a reply', async () => {
    await withDatabaseDirectory(async (directory) => {
      const database = await createMigratedDatabase(server ?? '');
      const model = await startModelServer();
      const target = new URL(frozen === 'Redis' ? redisUrl : database.url);
      const proxy = await startFaultProxy({
        host: target.hostname,
        port: Number(target.port || (frozen === 'Redis' ? 6379 : 5432)),
      });
      target.host = `127.0.0.1:${proxy.port}`;
      const program = await startProgram({
        ...settings(directory),
        DATABASE_URL: frozen === 'Redis' ? database.url : target.href,
        REDIS_URL: frozen === 'Redis' ? target.href : redisUrl,
        REDIS_PREFIX: `frozen-${proxy.port}:`,
        OPENAI_BASE_URL: model.url,
      });
      try {
        const owner = await signUp(program);
        model.reply({ chunks: Array.from({ length: 1_000 }, (_, index) => `${index} `), delayMs: 100 });
        const id = await askModel(owner, await owner.createConversation());
        const reader = followReply(owner, 'eventStream', id);
        await reader.next();
        proxy.freeze();
        const waiting = owner.createConversation().catch(() => undefined);
        const output = await stop(program);
        await waiting;
        if (frozen === 'PostgreSQL') expect(output).toMatch(/"entries":\["[0-9a-f-]{36}"\].*were not stored/);
        else expect(output).not.toContain('were not stored');
      } finally {
        await killPrograms();
        await proxy.close();
        await model.close();
        await database.drop();
      }
    });
  });
});
