import { Duplex } from 'node:stream';
import type { PGlite } from '@electric-sql/pglite';

type Done = (error?: Error | null) => void;

/**
 * The socket of a `pg` client whose server is PGlite in this process: bytes of PostgreSQL's protocol in, bytes out.
 * PGlite has one session, so one socket at a time may be in use.
 */
export class PgliteSocket extends Duplex {
  constructor(private readonly pglite: PGlite) {
    super();
  }

  /** The session outlives its sockets: a new one ends what its predecessor left open, and forgets its statements and settings. */
  connect(): this {
    this.pglite
      .exec('ROLLBACK')
      .then(() => this.pglite.exec('DISCARD ALL'))
      .then(
        () => this.emit('connect'),
        (error: unknown) => this.destroy(asError(error)),
      );
    return this;
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: Done): void {
    this.execute(chunk, done);
  }

  /** `pg` corks the messages of one query: they come here together, and PGlite runs them in one call. */
  override _writev(chunks: readonly { chunk: Buffer }[], done: Done): void {
    this.execute(Buffer.concat(chunks.map(({ chunk }) => chunk)), done);
  }

  override _read(): void {
    // Answers are pushed as they come: they are in memory already, so there is nothing to hold back.
  }

  override _final(done: Done): void {
    this.push(null);
    done();
  }

  // A TCP socket has these, and `pg` calls them.
  setNoDelay(): this {
    return this;
  }

  ref(): this {
    return this;
  }

  unref(): this {
    return this;
  }

  /** PGlite runs queries on the event loop: the turn given up between two keeps a burst of them from stopping all else. */
  private execute(messages: Buffer, done: Done): void {
    setImmediate(() => {
      if (this.destroyed) return;
      this.answer(messages).then(
        () => {
          done();
        },
        (error: unknown) => {
          done(asError(error));
        },
      );
    });
  }

  private async answer(messages: Buffer): Promise<void> {
    // A copy: PGlite uses the buffer again.
    const push = (bytes: Uint8Array) => {
      if (bytes.length > 0) this.push(Buffer.from(bytes));
    };
    // Read as a stream, an answer is ours alone; otherwise PGlite parses it too and keeps every row for as long as it lives.
    if (isStartUp(messages)) push(await this.pglite.execProtocolRaw(messages));
    else await this.pglite.execProtocolRawStream(messages, { onRawData: push });
  }
}

/** A start-up message has no type, and begins with the first byte of its length; PGlite streams no answer to it. */
function isStartUp(messages: Buffer): boolean {
  return messages[0] === 0;
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}
