import type { Client } from '../../../kernel/caller.js';
import { clientNetwork } from '../../../kernel/client-network.js';
import { comparePassword, hashPassword, type PasswordVerdict } from './password-hash.js';
import { WorkLanes, type LaneRule } from './work-lanes.js';

export type HashingLane = 'login' | 'change' | 'signUp';

/** What a password is hashed for, and for whom. */
export interface Hashing {
  readonly lane: HashingLane;
  /** A user's id or a client's network: of those that wait, each gets its turn. */
  readonly whose: string;
}

export interface PasswordHasherOptions {
  /** Maximum concurrent hashes. Each takes 19 MiB and one of libuv's four threads, which files, DNS and zlib also use. */
  readonly concurrency?: number;
  /** Maximum hashes of a lane waiting for their turn; more are refused. */
  readonly maxWaiting?: number;
}

const UNNAMED: Hashing = { lane: 'change', whose: '' };

/**
 * Hashes passwords off the event loop and a few at a time, so that a flood of logins neither delays other requests nor
 * exhausts memory. Sign-ups and changes of passwords never hold every place, and get the smaller share of it: whoever logs in
 * does not wait for them.
 */
export class PasswordHasher {
  readonly #lanes: WorkLanes<HashingLane>;

  constructor({ concurrency = 2, maxWaiting = 200 }: PasswordHasherOptions = {}) {
    const rule = (weight: number, mayFill: boolean, what: string): LaneRule => ({
      weight,
      mayFill,
      maxWaiting,
      refusal: `Too many ${what} at once; try again in a few seconds`,
    });
    const rules = {
      login: rule(4, true, 'sign-ins'),
      change: rule(2, false, 'password changes'),
      signUp: rule(1, false, 'sign-ups'),
    };
    this.#lanes = new WorkLanes(rules, concurrency);
  }

  /**
   * @returns the hash in PHC string format
   * @throws Unavailable when too many are waiting already
   */
  hash(password: string, { lane, whose } = UNNAMED): Promise<string> {
    return this.#lanes.run(lane, whose, () => hashPassword(password));
  }

  /**
   * @param hash null when there is no such user or no password: takes as long as a hash of ours, and is `wrong`
   * @throws Unavailable when too many are waiting already
   */
  compare(hash: string | null, password: string, { lane, whose } = UNNAMED): Promise<PasswordVerdict> {
    return this.#lanes.run(lane, whose, () => comparePassword(hash, password));
  }

  /** Like {@link compare}, for callers that do not replace an outdated hash. */
  async verify(hash: string | null, password: string, hashing = UNNAMED): Promise<boolean> {
    return (await this.compare(hash, password, hashing)) !== 'wrong';
  }
}

/** Work for a client that has not logged in. */
export function hashingFor(lane: HashingLane, client: Client | null): Hashing {
  const address = client?.ipAddress ?? null;
  return { lane, whose: address === null ? '' : clientNetwork(address) };
}
