import { once } from 'node:events';
import { connect } from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { signUp, type Actor } from '../support/actor.js';
import { startTestApp, type TestApp } from '../support/app.js';
import { eventually } from '../support/eventually.js';
import { startFaultProxy, type FaultProxy } from '../support/fault-proxy.js';
import { killPrograms, startInVain, withDatabaseDirectory } from '../support/program.js';
import { StallingS3 } from '../support/stalling-s3.js';

/** A place for one file: a second upload shows whether it was given back. */
const PLANS = JSON.stringify({
  free: { price: 0, daily_messages: 20, daily_tokens: 5000, max_conversations: 3, max_file_uploads: 1 },
});
const LARGE = 6 * 1024 * 1024;

const s3Settings = (endpoint: string) => ({
  MINIO_ENDPOINT: endpoint,
  MINIO_ACCESS_KEY: process.env['TEST_S3_ACCESS_KEY'] ?? 'minioadmin',
  MINIO_SECRET_KEY: process.env['TEST_S3_SECRET_KEY'] ?? 'minioadmin',
  MINIO_BUCKET: 'files',
});

async function upload(actor: Actor, size = 5): Promise<{ status: number; url: string }> {
  const form = new FormData();
  form.set('file', new File([new Uint8Array(size)], 'file.txt', { type: 'text/plain' }));
  const { headers } = actor;
  const response = await fetch(`${actor.url}/api/v1/uploads`, { method: 'POST', headers, body: form });
  const { data } = (await response.json()) as { data: { url: string } | null };
  return { status: response.status, url: data?.url ?? '' };
}

describe('an S3 server that stalls', () => {
  const s3 = new StallingS3();
  let app: TestApp;

  beforeAll(async () => {
    app = await startTestApp({ settings: { PLANS, ...s3Settings(await s3.start()) } });
  });
  afterEach(() => {
    s3.behave();
  });
  afterAll(async () => {
    await app.close();
    await s3.close();
  });

  it('fails uploads and downloads after a while, and the place in the plan is free again', async () => {
    const newUser = () => signUp(app);
    const [small, large, reader, cut] = await Promise.all([newUser(), newUser(), newUser(), newUser()]);
    const [read, begun] = await Promise.all([upload(reader), upload(cut, 11)]);
    for (const step of ['put', 'part 2', 'head'] as const) s3.stallsAt.add(step);
    const [one, two, download] = await Promise.all([upload(small), upload(large, LARGE), fetch(read.url)]);
    expect([one.status, two.status, download.status]).toEqual([503, 503, 503]);
    s3.behave();
    s3.breaksOffAt = 'get';
    const answer = await fetch(begun.url);
    expect(answer.status).toBe(200);
    await expect(answer.text()).rejects.toThrow('terminated');
    s3.behave();
    expect(await Promise.all([upload(small), upload(large, LARGE)])).toEqual([
      expect.objectContaining({ status: 200 }),
      expect.objectContaining({ status: 200 }),
    ]);
    const reasons = app.logged.filter(({ action }) => action !== undefined).map(({ reason }) => reason);
    expect(reasons).toEqual(expect.arrayContaining([expect.stringMatching(/^no answer within 10 s$/)]));
    expect(reasons).toContain('the answer broke off: silent for 10 s');
  });

  it('gives the place of an upload back whose client is gone', async () => {
    const owner = await signUp(app);
    const { hostname, port } = new URL(app.url);
    const socket = connect(Number(port), hostname);
    const authorization = owner.headers['authorization'] ?? '';
    socket.write(
      `POST /api/v1/uploads HTTP/1.1\r\nHost: x\r\nAuthorization: ${authorization}\r\nContent-Length: 9999\r\n` +
        'Content-Type: multipart/form-data; boundary=b\r\n\r\n' +
        '--b\r\nContent-Disposition: form-data; name="file"; filename="f"\r\n\r\nhello',
    );
    const pending = () => app.database.query(`SELECT 1 FROM uploads WHERE status = 'PENDING'`);
    await eventually(pending, ({ rows }) => rows.length > 0);
    expect((await upload(owner)).status).toBe(403);
    socket.resetAndDestroy();
    await once(socket, 'close');
    await eventually(
      () => upload(owner),
      ({ status }) => status === 200,
    );
  });

  it('ends a start with the reason', async () => {
    await withDatabaseDirectory(async (directory) => {
      const stalled = new StallingS3();
      stalled.stallsAt.add('start').add('location');
      const endpoint = await stalled.start();
      try {
        const { code, output } = await startInVain({ DATA_DIR: directory, ...s3Settings(endpoint) });
        expect(code).toBe(1);
        expect(output).toContain(`MINIO_ENDPOINT ${endpoint}, bucket files: no answer within 10 s`);
        expect(output).not.toContain('    at ');
      } finally {
        await killPrograms();
        await stalled.close();
      }
    });
  });
});

const endpoint = process.env['TEST_S3_ENDPOINT'];
const onServer = endpoint === undefined || endpoint === '' ? describe.skip : describe;

onServer('a real S3 server that freezes', () => {
  let proxy: FaultProxy;
  let app: TestApp;

  beforeAll(async () => {
    const { hostname: host, port } = new URL(`http://${endpoint ?? ''}`);
    proxy = await startFaultProxy({ host, port: Number(port) });
    app = await startTestApp({ settings: { PLANS, ...s3Settings(`127.0.0.1:${proxy.port}`) } });
  });
  afterAll(async () => {
    await app.close();
    await proxy.close();
  });

  it('fails uploads, and takes them again when it is back', async () => {
    const owner = await signUp(app);
    proxy.freeze();
    expect((await upload(owner, LARGE)).status).toBe(503);
    proxy.heal();
    expect((await upload(owner, LARGE)).status).toBe(200);
  });
});
