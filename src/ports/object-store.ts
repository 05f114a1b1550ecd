/** The bytes from `start` to `end`, both included, counted from 0, within the object. */
export interface ByteRange {
  readonly start: number;
  readonly end: number;
}

export interface StoredObject {
  /** Size of the whole object in bytes. */
  readonly size: number;
  /** The requested bytes. Read it to its end or destroy it. */
  readonly bytes: NodeJS.ReadableStream & { destroy(error?: Error): unknown };
}

/** Stores whole files under keys of any text. A key is never used as a path, even if it looks like one. */
export interface ObjectStore {
  /** The store's location for the start-up log, without credentials. */
  readonly description: string;
  /**
   * Stores all the bytes, or nothing when reading them fails: the object appears whole, in place of one that had the key.
   * Memory does not grow with the size.
   * @returns how many bytes there were
   * @throws what `bytes` throws; Unavailable when the store cannot be reached
   */
  put(key: string, bytes: AsyncIterable<Uint8Array>, contentType: string): Promise<number>;
  /** Null when there is no such object. @throws Unavailable when the store cannot be reached */
  get(key: string, range?: ByteRange): Promise<StoredObject | null>;
  /** Resolves when objects can be stored, as far as that shows without storing one. @throws Unavailable */
  ping(): Promise<void>;
  /** Nothing happens when there is no such object. @throws Unavailable when the store cannot be reached */
  delete(key: string): Promise<void>;
}
