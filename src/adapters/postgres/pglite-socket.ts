import { Duplex } from 'node:stream';
import type { PGlite } from '@electric-sql/pglite';

type Done = (error?: Error | null) => void;

/** Gives the PGlite that sockets lead to. */
export interface PgliteHost {
  /** @throws when it is not open */
  pglite(): PGlite;
  /** Takes note of an error of PGlite's; PostgreSQL's own are answers, or have a severity. */
  failed(error: unknown): void;
  /** Calls the listener when PGlite breaks down. @returns a function that stops it */
  onDown(listener: (error: Error) => void): () => void;
}

/** For a PGlite that is not opened again, such as one in memory. */
export function hostOf(pglite: PGlite): PgliteHost {
  return { pglite: () => pglite, failed: () => undefined, onDown: () => () => undefined };
}

/**
 * The socket of a `pg` client whose server is PGlite in this process: it takes and gives bytes of PostgreSQL's protocol.
 * PGlite has a single session, so only one socket at a time may be in use.
 */
export class PgliteSocket extends Duplex {
  constructor(private readonly host: PgliteHost) {
    super();
    const stop = host.onDown((error) => this.destroy(error));
    this.once('close', stop);
  }

  /** Resets PGlite's session, which outlives its sockets: open transaction, prepared statements, settings. */
  connect(): this {
    this.reset().then(
      () => {
        if (!this.destroyed) this.emit('connect');
      },
      (error: unknown) => {
        this.host.failed(error);
        this.destroy(asError(error));
      },
    );
    return this;
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: Done): void {
    this.execute(chunk, done);
  }

  /** Runs the messages of one query, which `pg` corks, in a single call of PGlite. */
  override _writev(chunks: readonly { chunk: Buffer }[], done: Done): void {
    this.execute(Buffer.concat(chunks.map(({ chunk }) => chunk)), done);
  }

  override _read(): void {
    // No flow control: answers are pushed as soon as they arrive, since they are in memory already.
  }

  override _final(done: Done): void {
    this.push(null);
    done();
  }

  // Methods of a TCP socket that `pg` calls.
  setNoDelay(): this {
    return this;
  }

  ref(): this {
    return this;
  }

  unref(): this {
    return this;
  }

  /** PGlite blocks the event loop while it runs a query: yielding before each one lets other work run during a burst. */
  private execute(messages: Buffer, done: Done): void {
    setImmediate(() => {
      if (this.destroyed) return;
      this.answer(messages).then(
        () => {
          done();
        },
        (error: unknown) => {
          this.host.failed(error);
          done(asError(error));
        },
      );
    });
  }

  private async reset(): Promise<void> {
    const pglite = this.host.pglite();
    await pglite.exec('ROLLBACK');
    await pglite.exec('DISCARD ALL');
  }

  private async answer(messages: Buffer): Promise<void> {
    // A client says goodbye while it is closed, when PGlite may be closed already. The next one begins with a reset anyway.
    if (isTermination(messages)) return;
    // A copy, since PGlite reuses the buffer.
    const push = (bytes: Uint8Array) => {
      if (bytes.length > 0) this.push(Buffer.from(bytes));
    };
    const pglite = this.host.pglite();
    // As a stream, because otherwise PGlite also parses the answer, and keeps every row for as long as it lives.
    if (isStartUp(messages)) push(await pglite.execProtocolRaw(messages));
    else await pglite.execProtocolRawStream(messages, { onRawData: push });
  }
}

/** A start-up message has no type byte, but begins with its length, which is below 2^24. PGlite cannot stream its answer. */
function isStartUp(messages: Buffer): boolean {
  return messages[0] === 0;
}

/** The message has no answer. */
function isTermination(messages: Buffer): boolean {
  return messages.toString('latin1', 0, 1) === 'X';
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}
