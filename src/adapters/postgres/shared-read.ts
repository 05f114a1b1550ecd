import { AsyncLocalStorage } from 'node:async_hooks';
import { Unavailable } from '../../kernel/errors.js';
import type { Tracing } from '../../ports/tracing.js';
import { NEXT_TURN, type StatementTurns } from './statement-turns.js';

/** Keys in one statement. */
export const MOST_KEYS = 100;

type Load<Value> = (keys: readonly string[]) => Promise<ReadonlyMap<string, Value>>;

interface SharedReadOptions {
  /** Keys in one statement, {@link MOST_KEYS} by default. */
  readonly mostKeys?: number;
  /** Is told of a statement as a part of the work that its first call is a part of. */
  readonly tracing?: Tracing | undefined;
  /** Runs what is part of nothing. */
  readonly apart?: Apart;
  readonly turns?: StatementTurns;
}

/** A snapshot of `AsyncLocalStorage`. */
export type Apart = <Result>(work: () => Result) => Result;

/** The calls with one key. */
interface Waiting<Value> {
  readonly promise: Promise<Value | null>;
  readonly resolve: (value: Value | null) => void;
  readonly reject: (reason: unknown) => void;
}

/**
 * Reads by keys, where calls of one turn ({@link StatementTurns}) go together in one statement, so that a statement serves the more
 * calls the more there are; a lone call waits for nothing. Nothing is kept: each call is answered by a statement that is sent after it.
 */
export class SharedRead<Value> {
  #waiting = new Map<string, Waiting<Value>>();
  /** A statement is part of nothing that one of its calls is part of, such as an act. */
  readonly #apart: Apart;

  readonly #turns: StatementTurns;
  readonly #mostKeys: number;
  readonly #tracing: Tracing | undefined;
  #asFirst: ReturnType<Tracing['keep']> | undefined;

  constructor(
    private readonly load: Load<Value>,
    { mostKeys = MOST_KEYS, tracing, apart = AsyncLocalStorage.snapshot(), turns = NEXT_TURN }: SharedReadOptions = {},
  ) {
    this.#apart = apart;
    this.#turns = turns;
    this.#mostKeys = mostKeys;
    this.#tracing = tracing;
  }

  /** @returns null when there is nothing by this key */
  get(key: string): Promise<Value | null> {
    const known = this.#waiting.get(key);
    if (known !== undefined) return known.promise;
    const waiting = Promise.withResolvers<Value | null>();
    this.#waiting.set(key, waiting);
    if (this.#waiting.size === 1) this.#asFirst = this.#tracing?.keep();
    if (this.#waiting.size === this.#mostKeys) this.#apart(this.#send);
    else if (this.#waiting.size === 1) this.#turns.ofRead(this.#sendApart);
    return waiting.promise;
  }

  readonly #sendApart = (): void => {
    this.#apart(this.#send);
  };

  readonly #send = (): void => {
    const batch = this.#waiting;
    if (batch.size === 0) return;
    this.#waiting = new Map();
    const load = () => this.load([...batch.keys()]);
    (this.#asFirst?.(load) ?? load()).then(
      (found) => {
        for (const [key, { resolve }] of batch) resolve(found.get(key) ?? null);
      },
      (error: unknown) => {
        // What is wrong with one key is not told to the others; what the database could not do, it could not do for any.
        if (batch.size > 1 && !(error instanceof Unavailable)) this.#sendEachAlone(batch);
        else for (const { reject } of batch.values()) reject(error);
      },
    );
  };

  #sendEachAlone(batch: ReadonlyMap<string, Waiting<Value>>): void {
    for (const [key, { resolve, reject }] of batch) {
      this.load([key]).then((found) => {
        resolve(found.get(key) ?? null);
      }, reject);
    }
  }
}
