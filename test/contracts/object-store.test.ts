import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DiskObjectStore } from '../../src/adapters/disk/disk-object-store.js';
import { S3ObjectStore } from '../../src/adapters/s3/s3-object-store.js';
import { objectStoreContract } from './object-store.contract.js';

objectStoreContract('on disk', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'flynkle-files-'));
  const store = await DiskObjectStore.open(directory);
  return { store, close: () => rm(directory, { recursive: true }) };
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
    });
    return { store, close: () => Promise.resolve() };
  });
}
