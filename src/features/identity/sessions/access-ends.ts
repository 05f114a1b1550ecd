import type { SessionsRepository } from './sessions.repository.js';

/** Ends that are told one by one. */
const MOST_TOLD = 1_000;
/** Processes of the database that are remembered: more than a pool has connections. */
const MOST_BACKENDS = 100;
/** Milliseconds within which an instance has to ask again: notes are kept for ten minutes at least. */
const MOST_SILENT_MS = 60_000;
const ALL = '00000000-0000-0000-0000-000000000000';

/**
 * What may have ended since it was last asked, by one statement whose cost does not depend on how much is open.
 *
 * A crash of the database, or a failover, takes back numbers of transactions that an earlier look has seen. All connections break then:
 * an answer by a process that has answered before is one after none of that.
 */
export class AccessEnds {
  #mark: string | null = null;
  readonly #backends = new Set<string>();
  /** When it was asked last, on the clock of `performance.now()`. */
  #askedAt = 0;

  constructor(private readonly repository: Pick<SessionsRepository, 'endsSince'>) {}

  /** @returns ids of sessions, personal access tokens and users; undefined where any of them may have ended */
  async sinceLast(): Promise<ReadonlySet<string> | undefined> {
    const now = performance.now();
    // A process that stood still may have missed what has been removed since.
    if (now - this.#askedAt > MOST_SILENT_MS) this.forget();
    this.#askedAt = now;
    const { mark, backend, ids } = await this.repository.endsSince(this.#mark, MOST_TOLD + 1);
    const isKnown = this.#mark !== null && this.#backends.has(backend) && ids.length <= MOST_TOLD && !ids.includes(ALL);
    if (this.#backends.size >= MOST_BACKENDS) this.#backends.clear();
    this.#backends.add(backend);
    this.#mark = mark;
    return isKnown ? new Set(ids) : undefined;
  }

  /** Call it when what was told was not acted on: any may have ended then. */
  forget(): void {
    this.#mark = null;
    this.#backends.clear();
  }
}
