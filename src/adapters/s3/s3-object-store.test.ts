import { once } from 'node:events';
import { readdir, rm } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { Unavailable } from '../../kernel/errors.js';
import { S3ObjectStore } from './s3-object-store.js';

/** More than a part. */
const LARGE = Buffer.alloc(6 * 1024 * 1024);

let server: Server;
let store: S3ObjectStore;
beforeAll(async () => {
  // As much of S3 as an upload needs: every request succeeds.
  server = createServer((request, response) => {
    request.resume().once('end', () => response.end('<LocationConstraint>us-east-1</LocationConstraint>'));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const endpoint = `127.0.0.1:${port}`;
  store = await S3ObjectStore.open({ endpoint, accessKey: 'a', secretKey: 'b', bucket: 'files', useSsl: false });
});
afterAll(async () => {
  const closed = once(server.close(), 'close');
  server.closeAllConnections();
  await closed;
});

const drafts = async () => (await readdir(tmpdir())).filter((name) => name.startsWith('flynkle-upload-'));

async function* untouched() {
  yield Buffer.from('bytes');
}

/** Removes its draft when it has given its last byte, before anybody reads it. */
async function* withoutDraft() {
  const before = new Set(await drafts());
  yield LARGE;
  for (const name of await drafts()) if (!before.has(name)) await rm(join(tmpdir(), name));
}

it('refuses an upload whose draft cannot be read, and takes the next', async () => {
  await expect(store.put('key', withoutDraft(), 'text/plain')).rejects.toBeInstanceOf(Unavailable);
  expect(await store.put('key', untouched(), 'text/plain')).toBe(5);
});
