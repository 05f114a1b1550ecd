import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { StallingS3, type Step } from '../../../test/support/stalling-s3.js';
import { Unavailable } from '../../kernel/errors.js';
import { StartupError } from '../../kernel/startup-error.js';
import type { S3Limits } from './limited-transport.js';
import { S3ObjectStore } from './s3-object-store.js';

const PART = 5 * 1024 * 1024;
const LIMITS: S3Limits = { connectMs: 2_000, answerMs: 500, perByteMs: 500 / PART, silenceMs: 500 };

async function* bytes(...sizes: number[]): AsyncGenerator<Uint8Array, void, undefined> {
  for (const size of sizes) yield await Promise.resolve(Buffer.alloc(size));
}

describe('an S3 server', () => {
  const s3 = new StallingS3();
  let endpoint: string;
  let warnings: { readonly reason?: string; readonly action?: string; readonly key?: string }[];
  const log = { warn: (fields: object) => void warnings.push(fields) };
  const open = () =>
    S3ObjectStore.open({
      endpoint,
      accessKey: 'a',
      secretKey: 'b',
      bucket: 'files',
      useSsl: false,
      log,
      limits: LIMITS,
    });

  beforeEach(async () => {
    s3.behave();
    s3.steps.length = 0;
    warnings = [];
    endpoint = await s3.start();
  });
  afterEach(() => s3.close());

  it('gets a file of less than a part at once, and a larger one part by part', async () => {
    const store = await open();
    expect(await store.put('small', bytes(3, 2), 'text/plain')).toBe(5);
    expect(await store.put('none', bytes(), 'text/plain')).toBe(0);
    expect(await store.put('large', bytes(PART - 1, PART + 8), 'text/plain')).toBe(2 * PART + 7);
    expect(s3.steps.filter((step) => step !== 'start' && step !== 'location')).toEqual([
      'put',
      'put',
      'begin',
      'part 1',
      'part 2',
      'part 3',
      'complete',
    ]);
    expect(warnings).toEqual([]);
  });

  it('that stalls at a start ends it, with the reason', async () => {
    s3.stallsAt.add('start');
    const failure = await open().catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(StartupError);
    expect(String(failure)).toContain(`MINIO_ENDPOINT ${endpoint}, bucket files: no answer within 0.5 s`);
  });

  it.each<Step>(['begin', 'part 1', 'part 2', 'complete'])(
    'that stalls in a large upload, at %s, ends it; its parts are taken back, and the log says why',
    async (step) => {
      const store = await open();
      s3.stallsAt.add(step);
      await expect(store.put('key', bytes(PART, PART, 5), 'text/plain')).rejects.toBeInstanceOf(Unavailable);
      expect(s3.steps.at(-1)).toBe(step === 'begin' ? 'begin' : 'abort');
      expect(warnings).toEqual([{ action: 'put', key: 'key', reason: expect.stringMatching(/^no answer within/) }]);
    },
  );

  it.each<[Step, (store: S3ObjectStore) => Promise<unknown>]>([
    ['put', (store) => store.put('key', bytes(5), 'text/plain')],
    ['head', (store) => store.get('key')],
    ['get', (store) => store.get('key', { start: 0, end: 3 })],
    ['delete', (store) => store.delete('key')],
    ['list', (store) => store.delete('key')],
  ])('that stalls at %s, or refuses, is unavailable, and the log says why', async (step, act) => {
    const store = await open();
    s3.stallsAt.add(step);
    await expect(act(store)).rejects.toBeInstanceOf(Unavailable);
    s3.behave();
    s3.failsAt = step;
    await expect(act(store)).rejects.toBeInstanceOf(Unavailable);
    expect(warnings).toEqual([
      { action: expect.any(String), key: 'key', reason: 'no answer within 0.5 s' },
      // An answer to HEAD has no body that could say more.
      { action: expect.any(String), key: 'key', reason: step === 'head' ? expect.any(String) : 'Not you' },
    ]);
  });

  it('that breaks off in a download fails its reader', async () => {
    const store = await open();
    s3.breaksOffAt = 'get';
    const object = await store.get('key');
    const read: unknown[] = [];
    const reading = (async () => {
      for await (const chunk of object?.bytes ?? []) read.push(String(chunk));
    })();
    await expect(reading).rejects.toThrow('the answer broke off: silent for 0.5 s');
    expect(read).toEqual(['hello ']);
    expect(warnings).toEqual([{ action: 'get', key: 'key', reason: 'the answer broke off: silent for 0.5 s' }]);
  });

  it('waits for a reader that takes its time', async () => {
    const store = await open();
    const object = await store.get('key');
    await new Promise((resolve) => setTimeout(resolve, 4 * LIMITS.silenceMs));
    const read: unknown[] = [];
    for await (const chunk of object?.bytes ?? []) read.push(String(chunk));
    expect(read.join('')).toBe('hello world');
    expect(warnings).toEqual([]);
  });

  it('that does not take parts back is told of by the log', async () => {
    const store = await open();
    s3.failsAt = 'abort';
    s3.stallsAt.add('part 2');
    await expect(store.put('key', bytes(PART, PART), 'text/plain')).rejects.toBeInstanceOf(Unavailable);
    expect(warnings.map(({ reason }) => reason)).toEqual([expect.stringMatching(/^no answer/), 'Not you']);
  });
});
