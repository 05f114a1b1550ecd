import { AsyncLocalStorage } from 'node:async_hooks';
import { Unavailable } from '../../kernel/errors.js';
import type { SharedChangeParts } from '../../ports/database.js';
import type { Tracing } from '../../ports/tracing.js';
import { NEXT_TURN, type StatementTurns } from './statement-turns.js';

/** Changes in one statement: each waits until all are done. */
export const MOST_CHANGES = 16;

interface Waiting<Input, Result> {
  readonly input: Input;
  readonly resolve: (result: Result | Promise<Result>) => void;
  readonly reject: (reason: unknown) => void;
}

type Batch<Input, Result> = readonly Waiting<Input, Result>[];

/**
 * Makes changes, where calls of one turn ({@link StatementTurns}) go together in one statement, as those of `SharedRead` do; a lone call
 * is made as if there were no others.
 */
export class SharedChange<Input, Result> {
  #waiting: Waiting<Input, Result>[] = [];
  /** A statement is part of nothing that one of its calls is part of. */
  readonly #apart = AsyncLocalStorage.snapshot();
  #asFirst: ReturnType<Tracing['keep']> | undefined;

  constructor(
    private readonly parts: SharedChangeParts<Input, Result>,
    private readonly tracing?: Tracing,
    private readonly turns: StatementTurns = NEXT_TURN,
  ) {}

  make(input: Input): Promise<Result> {
    const { promise, resolve, reject } = Promise.withResolvers<Result>();
    if (this.#waiting.push({ input, resolve, reject }) === 1) {
      this.#asFirst = this.tracing?.keep();
      this.turns.ofChange(this.#sendApart, this.#isFull);
    }
    return promise;
  }

  readonly #isFull = (): boolean => this.#waiting.length >= MOST_CHANGES;

  readonly #sendApart = (): void => {
    this.#apart(this.#send);
  };

  readonly #send = (): void => {
    const waiting = this.#waiting;
    this.#waiting = [];
    const send = () => {
      for (const batch of this.#batches(waiting)) this.#sendTogether(batch);
    };
    if (this.#asFirst === undefined) send();
    else this.#asFirst(send);
  };

  /** No two of a batch lock the same rows: the second would wait for the end of the statement that it is a part of. */
  #batches(waiting: Batch<Input, Result>): readonly Batch<Input, Result>[] {
    const batches: Waiting<Input, Result>[][] = [];
    const open = new Map<string, { readonly batch: Waiting<Input, Result>[]; readonly locked: Set<string> }>();
    for (const one of waiting) {
      const { group, locks } = this.parts.sharingOf(one.input);
      const known = open.get(group);
      if (known === undefined || known.batch.length === MOST_CHANGES) {
        const batch = [one];
        batches.push(batch);
        open.set(group, { batch, locked: new Set(locks) });
      } else if (locks.some((lock) => known.locked.has(lock))) {
        batches.push([one]);
      } else {
        known.batch.push(one);
        for (const lock of locks) known.locked.add(lock);
      }
    }
    return batches;
  }

  #sendTogether(batch: Batch<Input, Result>): void {
    if (batch.length === 1) {
      this.#sendEachAlone(batch);
      return;
    }
    this.parts.together(batch.map(({ input }) => input)).then(
      (results) => {
        for (const [index, one] of batch.entries()) {
          const result = results[index];
          if (result === undefined) this.#sendEachAlone([one]);
          else one.resolve(result);
        }
      },
      (error: unknown) => {
        // A statement that failed has changed nothing, and what was wrong with one change is not told to the others. Where the database
        // could not be reached or was too busy, each has the answer that it would have had alone.
        if (error instanceof Unavailable) for (const { reject } of batch) reject(error);
        else this.#sendEachAlone(batch);
      },
    );
  }

  #sendEachAlone(batch: Batch<Input, Result>): void {
    for (const { input, resolve } of batch) resolve(this.parts.alone(input));
  }
}
