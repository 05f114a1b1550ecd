import { Unavailable } from '../../../kernel/errors.js';
import { comparePassword, hashPassword, type PasswordVerdict } from './password-hash.js';

export interface PasswordHasherOptions {
  /** Maximum concurrent hashes. Each takes 19 MiB and one of libuv's four threads, which files and DNS also use. */
  readonly concurrency?: number;
  /** Maximum hashes waiting for their turn; more are refused. */
  readonly maxWaiting?: number;
}

/**
 * Hashes passwords off the event loop and a few at a time, so that a flood of logins neither delays other requests nor
 * exhausts memory.
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
   * @throws Unavailable when too many are waiting already
   */
  hash(password: string): Promise<string> {
    return this.#inTurn(() => hashPassword(password));
  }

  /**
   * @param hash null when there is no such user or no password: takes as long as a hash of ours, and is `wrong`
   * @throws Unavailable when too many are waiting already
   */
  compare(hash: string | null, password: string): Promise<PasswordVerdict> {
    return this.#inTurn(() => comparePassword(hash, password));
  }

  /** Like {@link compare}, for callers that do not replace an outdated hash. */
  async verify(hash: string | null, password: string): Promise<boolean> {
    return (await this.compare(hash, password)) !== 'wrong';
  }

  async #inTurn<Result>(work: () => Promise<Result>): Promise<Result> {
    if (this.#running < this.#concurrency) this.#running++;
    else await this.#turn();
    try {
      return await work();
    } finally {
      // Hands the slot to the next in line instead of freeing it, so that no later call can overtake.
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
