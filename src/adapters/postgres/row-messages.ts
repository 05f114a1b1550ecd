import type pg from 'pg';
import { Parser } from 'pg-protocol/dist/parser.js';
import { textsOf } from './row-maker.js';

const DATA_ROW = 'D'.charCodeAt(0);
/** The bytes in which a message says its length, which counts them, too. */
const LENGTH_BYTES = 4;

/** A row as the server sent it. Its bytes are another message's once this one is handled. */
export class RowMessage {
  readonly name = 'dataRow';

  /** @param start where the number of columns is, before the columns @param length as the server says it, with its own bytes */
  constructor(
    readonly bytes: Buffer,
    readonly start: number,
    readonly length: number,
  ) {}

  get end(): number {
    return this.start + this.length - LENGTH_BYTES;
  }

  /** For statements that `pg` reads. */
  get fields(): readonly (string | null)[] {
    return textsOf(this.bytes, this.start);
  }
}

interface Packets {
  handlePacket(offset: number, code: number, length: number, bytes: Buffer): unknown;
}

/** The parser of `pg`, but that it leaves rows to their statement: a text for each column is most of what a long list costs. */
class RowParser extends (Parser as unknown as new () => Packets & Pick<Parser, 'parse'>) {
  override handlePacket(offset: number, code: number, length: number, bytes: Buffer): unknown {
    return code === DATA_ROW ? new RowMessage(bytes, offset, length) : super.handlePacket(offset, code, length, bytes);
  }
}

interface Message {
  readonly name: string;
}

/** As `attachListeners` of `pg.Connection`, which calls it on the stream that it will read from. */
export function attachRowParser(this: pg.Connection, stream: pg.Connection['stream']): void {
  const parser = new RowParser();
  const pass = (message: unknown) => {
    const { name } = message as Message;
    this.emit(name === 'error' ? 'errorMessage' : name, message);
  };
  stream.on('data', (bytes: Buffer) => {
    parser.parse(bytes, pass);
  });
}
