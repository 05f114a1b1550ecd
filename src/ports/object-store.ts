/** The bytes from `start` to `end`, both included, counted from 0, within the object. */
export interface ByteRange {
  readonly start: number;
  readonly end: number;
}

export interface StoredObject {
  /** Of the whole object, in bytes. */
  readonly size: number;
  /** The bytes that were asked for. Read it to its end or destroy it. */
  readonly bytes: NodeJS.ReadableStream & { destroy(error?: Error): unknown };
}

/** Whole files under keys of any text. Keys are never paths: one that looks like a path reaches nothing else. */
export interface ObjectStore {
  /** Where the objects are, for the start-up log; without credentials. */
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
  /** Nothing happens when there is no such object. @throws Unavailable when the store cannot be reached */
  delete(key: string): Promise<void>;
}
