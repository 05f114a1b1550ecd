import { Unavailable } from '../../../kernel/errors.js';
import { comparePassword, hashPassword, type PasswordVerdict } from './password-hash.js';

export interface PasswordHasherOptions {
  /** Hashes computed at once. Each takes a thread of libuv's four, which files and DNS share, and 19 MiB. */
  readonly concurrency?: number;
  /** Hashes that may wait for their turn; further ones are refused. */
  readonly maxWaiting?: number;
}

/**
 * Hashes passwords off the event loop and a few at a time, so that a flood of logins neither stalls the rest nor grows
 * memory.
 */
export class PasswordHasher {
  readonly #concurrency: number;
  readonly #maxWaiting: number;
  #running = 0;
  readonly #waiting: (() => void)[] = [];

  constructor({ concurrency = 2, maxWaiting = 200 }: PasswordHasherOptions = {}) {
    this.#concurrency = concurrency;
    this.#maxWaiting = maxWaiting;
  }

  /**
   * @returns the hash in PHC string format
   * @throws Unavailable when too many wait already
   */
  hash(password: string): Promise<string> {
    return this.#inTurn(() => hashPassword(password));
  }

  /**
   * @param hash null where there is no such user, or no password: takes as long as a hash of ours, and is `wrong`
   * @throws Unavailable when too many wait already
   */
  compare(hash: string | null, password: string): Promise<PasswordVerdict> {
    return this.#inTurn(() => comparePassword(hash, password));
  }

  /** The same as {@link compare}, for where the hash is not replaced. */
  async verify(hash: string | null, password: string): Promise<boolean> {
    return (await this.compare(hash, password)) !== 'wrong';
  }

  async #inTurn<Result>(work: () => Promise<Result>): Promise<Result> {
    if (this.#running < this.#concurrency) this.#running++;
    else await this.#turn();
    try {
      return await work();
    } finally {
      // The place is handed on rather than freed, so that nobody can come in between.
      const next = this.#waiting.shift();
      if (next === undefined) this.#running--;
      else next();
    }
  }

  #turn(): Promise<void> {
    if (this.#waiting.length >= this.#maxWaiting) {
      throw new Unavailable('Too many sign-ins at once; try again in a few seconds');
    }
    return new Promise((resolve) => this.#waiting.push(resolve));
  }
}
