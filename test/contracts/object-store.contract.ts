import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { randomBytes } from 'node:crypto';
import type { ObjectStore, StoredObject } from '../../src/ports/object-store.js';

export interface OpenedObjectStore {
  readonly store: ObjectStore;
  close(): Promise<void>;
}

/** The contract of every object store, whatever it stores objects in. */
export function objectStoreContract(name: string, open: () => Promise<OpenedObjectStore>): void {
  describe(`the object store ${name}`, () => {
    let opened: OpenedObjectStore;
    let store: ObjectStore;

    beforeAll(async () => {
      opened = await open();
      store = opened.store;
    }, 30_000);
    afterAll(() => opened.close());

    const newKey = () => randomBytes(8).toString('hex');
    const put = (key: string, ...chunks: (string | Buffer)[]) => store.put(key, inChunks(chunks), 'text/plain');

    it('gives back what was put under a key, and how much it is', async () => {
      const key = newKey();
      expect(await put(key, 'hello ', 'world')).toBe(11);
      const object = await store.get(key);
      expect(object?.size).toBe(11);
      expect(await textOf(object)).toBe('hello world');
    });

    it('gives a range of it', async () => {
      const key = newKey();
      await put(key, '0123456789');
      const object = await store.get(key, { start: 2, end: 4 });
      expect(object?.size).toBe(10);
      expect(await textOf(object)).toBe('234');
    });

    it('takes an object of no bytes, and one of many parts', async () => {
      const [empty, large] = [newKey(), newKey()];
      expect(await put(empty)).toBe(0);
      expect(await textOf(await store.get(empty))).toBe('');
      const chunk = randomBytes(1_048_576);
      expect(await put(large, ...Array.from({ length: 12 }, () => chunk))).toBe(12 * 1_048_576);
      const object = await store.get(large, { start: 11 * 1_048_576, end: 12 * 1_048_576 - 1 });
      expect(Buffer.from(await bytesOf(object)).equals(chunk)).toBe(true);
    });

    it('puts a new object in the place of one that had the key', async () => {
      const key = newKey();
      await put(key, 'first');
      await put(key, 'second');
      expect(await textOf(await store.get(key))).toBe('second');
    });

    it('keeps nothing of bytes that could not all be read, and the object that was there', async () => {
      const [fresh, taken] = [newKey(), newKey()];
      await put(taken, 'before');
      for (const key of [fresh, taken]) {
        await expect(store.put(key, breakingOff(), 'text/plain')).rejects.toThrow('cut off');
      }
      expect(await store.get(fresh)).toBeNull();
      expect(await textOf(await store.get(taken))).toBe('before');
    });

    it('deletes an object, and does nothing where there is none', async () => {
      const key = newKey();
      await put(key, 'x');
      await store.delete(key);
      expect(await store.get(key)).toBeNull();
      await store.delete(key);
    });

    it('takes keys for keys and never for paths', async () => {
      const keys = [`${newKey()}/../../x`, `..%2f${newKey()}`, `${newKey()} ü`];
      for (const key of keys) {
        await put(key, key);
        expect(await textOf(await store.get(key))).toBe(key);
      }
    });
  });
}

async function* inChunks(chunks: readonly (string | Buffer)[]): AsyncGenerator<Uint8Array, void, undefined> {
  for (const chunk of chunks) yield await Promise.resolve(Buffer.from(chunk));
}

async function* breakingOff(): AsyncGenerator<Uint8Array, void, undefined> {
  yield await Promise.resolve(Buffer.alloc(100_000));
  throw new Error('cut off');
}

async function bytesOf(object: StoredObject | null): Promise<Buffer> {
  if (object === null) throw new Error('there is no such object');
  const chunks: Uint8Array[] = [];
  for await (const chunk of object.bytes) chunks.push(Buffer.from(chunk));
  return Buffer.concat(chunks);
}

async function textOf(object: StoredObject | null): Promise<string> {
  return (await bytesOf(object)).toString();
}
