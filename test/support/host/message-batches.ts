import { Transform, type TransformCallback } from 'node:stream';

const TYPE_BYTES = 1;
const LENGTH_BYTES = 4;
/** Query, Sync, Terminate, CopyDone and CopyFail: a client that sent one of these waits for the server. */
const ENDS = new Set(Buffer.from('QSXcf'));

/**
 * Cuts the bytes of a PostgreSQL client where it waits for an answer: PGlite runs the messages of one query in one call, and
 * TCP keeps no boundaries.
 */
export class MessageBatches extends Transform {
  #pending = Buffer.alloc(0);
  /** Where the first message begins that is not known to be whole. */
  #scanned = 0;
  #hasStarted = false;

  override _transform(chunk: Buffer, _encoding: BufferEncoding, done: TransformCallback): void {
    this.#pending = Buffer.concat([this.#pending, chunk]);
    for (let end = this.#endOfMessage(); end !== undefined; end = this.#endOfMessage()) {
      // The start-up message has no type, and is waited for like a query.
      const isEnd = !this.#hasStarted || ENDS.has(this.#pending[this.#scanned] ?? 0);
      this.#hasStarted = true;
      this.#scanned = end;
      if (isEnd) this.#flushBatch();
    }
    done();
  }

  #endOfMessage(): number | undefined {
    const lengthAt = this.#scanned + (this.#hasStarted ? TYPE_BYTES : 0);
    if (this.#pending.length < lengthAt + LENGTH_BYTES) return undefined;
    const end = lengthAt + this.#pending.readUInt32BE(lengthAt);
    return end <= this.#pending.length ? end : undefined;
  }

  #flushBatch(): void {
    this.push(this.#pending.subarray(0, this.#scanned));
    this.#pending = this.#pending.subarray(this.#scanned);
    this.#scanned = 0;
  }
}
