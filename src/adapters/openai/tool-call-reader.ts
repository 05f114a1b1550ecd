import type { ModelToolCall } from '../../ports/language-model.js';

/** A piece of a call, as it was sent; null and empty where a dialect has nothing there. */
export interface ToolCallPiece {
  readonly index: number | null;
  readonly id: string;
  readonly name: string;
  readonly arguments: string;
}

interface OpenCall {
  readonly index: number | null;
  id: string;
  name: string;
  arguments: string;
}

/** Puts calls of tools together from the pieces in which they are streamed. */
export class ToolCallReader {
  readonly #calls: OpenCall[] = [];

  add(piece: ToolCallPiece): void {
    const known = this.#calls.findLast(({ index }) => index === piece.index) ?? this.#continued(piece);
    if (known === undefined || isAnother(known, piece)) {
      this.#calls.push({ ...piece });
      return;
    }
    known.id ||= piece.id;
    known.name ||= piece.name;
    known.arguments += piece.arguments;
  }

  /** In the order in which they began. A call without a name is none. */
  get calls(): readonly ModelToolCall[] {
    return this.#calls
      .filter(({ name }) => name !== '')
      .map(({ id, name, arguments: json }) => ({ id, name, arguments: json === '' ? '{}' : json }));
  }

  /** Some servers leave the number out, and send the rest of a call right after its start. */
  #continued(piece: ToolCallPiece): OpenCall | undefined {
    return piece.index === null && piece.name === '' ? this.#calls.at(-1) : undefined;
  }
}

/** Some servers give every call the number 0, and send each whole. */
function isAnother(known: OpenCall, { id, name }: ToolCallPiece): boolean {
  return name !== '' && known.name !== '' && (id === '' ? known.id === '' : id !== known.id);
}
