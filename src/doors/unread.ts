import type { ServerResponse } from 'node:http';
import { Bag } from '../kernel/bag.js';
import type { Log } from '../kernel/log.js';

export interface UnreadLimits {
  /** Bytes that wait on one connection until the client reads them. */
  readonly perConnection: number;
  /** The same of all connections of a user. */
  readonly perUser: number;
}

/** Answers up to this size are sent in any case: errors, and what most requests are answered. */
const SMALL_BYTES = 65_536;
const NOTE_INTERVAL_MS = 60_000;

/** Something that holds bytes for a client. */
interface Holder {
  /** Bytes that are not with the system yet, since the client does not read. */
  waiting(): number;
}

/**
 * Bytes of answers that their clients do not read. The process holds them until they do, so that whoever asks again and again
 * without reading takes all of its memory.
 */
export class Unread {
  readonly #byUser = new Map<string, Bag<Holder>>();
  #noted = -Infinity;

  constructor(
    private readonly limits: UnreadLimits,
    private readonly log: Pick<Log, 'warn'>,
  ) {}

  /** From now on counts what `holder` holds among what waits for the user. @returns a function that ends it */
  own(userId: string, holder: Holder): () => void {
    let holders = this.#byUser.get(userId);
    if (holders === undefined) this.#byUser.set(userId, (holders = new Bag()));
    const place = holders.add(holder);
    return () => {
      holders.remove(place);
      if (holders.size === 0 && this.#byUser.get(userId) === holders) this.#byUser.delete(userId);
    };
  }

  /**
   * Whether so many more bytes may wait on a connection.
   * @param userId whose it is, if anyone is known
   */
  admits(userId: string | undefined, waiting: number, bytes: number): boolean {
    const ofUser = userId === undefined ? 0 : this.#waitingOf(userId);
    const isAdmitted = waiting + bytes <= this.limits.perConnection && ofUser + bytes <= this.limits.perUser;
    if (!isAdmitted) this.#note(userId);
    return isAdmitted;
  }

  #waitingOf(userId: string): number {
    let bytes = 0;
    for (const holder of this.#byUser.get(userId) ?? []) bytes += holder.waiting();
    return bytes;
  }

  /** Once a minute: whoever reaches a limit does so by the thousand. */
  #note(userId: string | undefined): void {
    if (performance.now() - this.#noted < NOTE_INTERVAL_MS) return;
    this.#noted = performance.now();
    this.log.warn({ userId }, 'answers are refused or connections closed: a client does not read what it asked for');
  }
}

const ADMITS = Symbol('admits');

type Admitted = ServerResponse & { [ADMITS]?: (bytes: number) => boolean };

/** Sets what decides whether the body of an answer may wait until its client reads it. */
export function admitBodies(response: ServerResponse, admits: (bytes: number) => boolean): void {
  (response as Admitted)[ADMITS] = admits;
}

/** Whether a body of so many bytes may be sent; otherwise send {@link TOO_MUCH_UNREAD}. */
export function mayWait(response: ServerResponse, bytes: number): boolean {
  return bytes <= SMALL_BYTES || ((response as Admitted)[ADMITS]?.(bytes) ?? true);
}

export const TOO_MUCH_UNREAD = {
  status: 503,
  message: 'Too much waits to be read: read the other answers first, or ask for less at once',
  retryAfterSeconds: 1,
} as const;
