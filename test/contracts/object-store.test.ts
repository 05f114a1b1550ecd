import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { describe, expect, it, jest } from '@jest/globals';
import { DiskObjectStore } from '../../src/adapters/disk/disk-object-store.js';
import { S3ObjectStore } from '../../src/adapters/s3/s3-object-store.js';
import { Unavailable } from '../../src/kernel/errors.js';
import type { Log } from '../../src/kernel/log.js';
import { silentLogger } from '../support/servers.js';
import { objectStoreContract } from './object-store.contract.js';

objectStoreContract('on disk', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'flynkle-files-'));
  const store = await DiskObjectStore.open(directory, silentLogger);
  return { store, close: () => rm(directory, { recursive: true }) };
});

describe('the folder of files', () => {
  it('that is gone is unavailable, and the log says why', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'flynkle-files-'));
    const warn = jest.fn<Log['warn']>();
    const store = await DiskObjectStore.open(directory, { warn });
    await rm(directory, { recursive: true });
    await expect(store.put('key', Readable.from([Buffer.from('text')]))).rejects.toThrow(Unavailable);
    expect(warn.mock.calls).toMatchObject([
      [{ action: 'put', reason: expect.stringContaining('ENOENT') }, expect.any(String)],
    ]);
    await expect(store.get('key')).resolves.toBeNull();
  });
});

// An S3 server (host:port) on which the test may write.
const endpoint = process.env['TEST_S3_ENDPOINT'];
if (endpoint !== undefined) {
  objectStoreContract('in S3', async () => {
    const store = await S3ObjectStore.open({
      endpoint,
      accessKey: process.env['TEST_S3_ACCESS_KEY'] ?? 'minioadmin',
      secretKey: process.env['TEST_S3_SECRET_KEY'] ?? 'minioadmin',
      bucket: process.env['TEST_S3_BUCKET'] ?? 'flynkle-test',
      useSsl: false,
      log: silentLogger,
    });
    return { store, close: () => Promise.resolve() };
  });
}
