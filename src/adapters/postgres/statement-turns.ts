import type pg from 'pg';

/** When a statement is sent that calls share: those that come until then have part in it. */
export interface StatementTurns {
  ofRead(send: () => void): void;
  /** @param isFull whether no more calls can have part in it */
  ofChange(send: () => void, isFull: () => boolean): void;
}

/** At the end of a turn of the event loop, which has many calls when the process has much to do. A lone call waits for nothing. */
export const NEXT_TURN: StatementTurns = { ofRead: setImmediate, ofChange: setImmediate };

/** A statement waits for that many turns at most: by then, what holds the connection is no other statement, but a transaction. */
const MOST_TURNS = 16;

/**
 * For a single connection that is in this process. While it is used, a statement could only wait for it, closed to calls that come
 * meanwhile. So the statement begins when the connection is free; and one that changes something, which costs several times as much,
 * lets reads go first, since requests whose reads these are may be about to change the same.
 */
export class TurnsOfOneConnection implements StatementTurns {
  #reads = 0;

  constructor(private readonly pool: Pick<pg.Pool, 'totalCount' | 'idleCount' | 'waitingCount'>) {}

  ofRead(send: () => void): void {
    this.#reads++;
    this.#wait(
      () => this.#isUsed(),
      () => {
        this.#reads--;
        send();
      },
    );
  }

  ofChange(send: () => void, isFull: () => boolean): void {
    this.#wait(() => !isFull() && (this.#reads > 0 || this.#isUsed()), send);
  }

  #wait(hasToWait: () => boolean, send: () => void, turns = 0): void {
    setImmediate(() => {
      if (turns < MOST_TURNS && hasToWait()) this.#wait(hasToWait, send, turns + 1);
      else send();
    });
  }

  #isUsed(): boolean {
    return this.pool.waitingCount > 0 || this.pool.idleCount < this.pool.totalCount;
  }
}
