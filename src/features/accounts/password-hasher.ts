import argon2 from 'argon2';
import { Unavailable } from '../../kernel/errors.js';

/** OWASP's figures for argon2id (Password Storage Cheat Sheet): 19 MiB, 2 passes, 1 lane; 12 to 53 ms on one core. */
const PARAMETERS = { memoryCost: 19_456, timeCost: 2, parallelism: 1 } as const;

/** A hash of no password, with the present parameters: comparing with it takes as long as with a real one. */
const NOBODYS_HASH =
  `$argon2id$v=19$m=${PARAMETERS.memoryCost},t=${PARAMETERS.timeCost},p=${PARAMETERS.parallelism}` +
  `$${'A'.repeat(22)}$${'A'.repeat(43)}`;

export interface PasswordHasherOptions {
  /** Hashes computed at once. Each takes a thread of libuv's four, which files and DNS share, and 19 MiB. */
  readonly concurrency?: number;
  /** Hashes that may wait for their turn; further ones are refused. */
  readonly mostWaiting?: number;
}

/**
 * Hashes passwords with argon2id, off the event loop and a few at a time, so that a flood of logins neither stalls the rest
 * nor grows memory. Passwords are compared as NFKC: the same letters typed on another keyboard are the same password.
 */
export class PasswordHasher {
  readonly #concurrency: number;
  readonly #mostWaiting: number;
  #running = 0;
  readonly #waiting: (() => void)[] = [];

  constructor({ concurrency = 2, mostWaiting = 200 }: PasswordHasherOptions = {}) {
    this.#concurrency = concurrency;
    this.#mostWaiting = mostWaiting;
  }

  /**
   * @returns the hash in PHC string format
   * @throws Unavailable when too many wait already
   */
  hash(password: string): Promise<string> {
    return this.#inTurn(() => argon2.hash(password.normalize('NFKC'), { ...PARAMETERS, type: argon2.argon2id }));
  }

  /**
   * @param hash null where there is no such user: takes as long, and is false
   * @throws Unavailable when too many wait already
   */
  async verify(hash: string | null, password: string): Promise<boolean> {
    const matches = await this.#inTurn(() => argon2.verify(hash ?? NOBODYS_HASH, password.normalize('NFKC')));
    return matches && hash !== null;
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
    if (this.#waiting.length >= this.#mostWaiting) {
      throw new Unavailable('Too many sign-ins at once; try again in a few seconds');
    }
    return new Promise((resolve) => this.#waiting.push(resolve));
  }
}
