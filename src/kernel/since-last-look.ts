/** Processes of the database that are remembered: more than a pool has connections. */
const MOST_BACKENDS = 100;
/** Milliseconds within which an instance has to look again: what is noted is kept for ten minutes at least. */
const MOST_SILENT_MS = 60_000;

/** What the database answers beside what transactions have noted: {@link LOOK}. */
export interface Look {
  /** What has been committed after this look is noted by transactions from this number on. */
  readonly mark: string;
  /** The process of the database that has answered, and when that server was started. */
  readonly backend: string;
}

/** The columns of a {@link Look}, in SQL. */
export const LOOK = `pg_snapshot_xmin(pg_current_snapshot())::text AS mark,
  pg_backend_pid() || ' ' || pg_postmaster_start_time() AS backend`;

/** Whether a row was noted since the look that gave this mark, in SQL. Numbers that none has had yet came with rows from another server. */
export const notedSince = (mark: string): string =>
  `transaction_id >= ${mark}::bigint AND transaction_id < pg_snapshot_xmax(pg_current_snapshot())::text::bigint`;

/**
 * What transactions have noted since it was last asked, by a statement whose cost does not depend on who asks for what. One that commits
 * late is among them: marks are numbers of transactions, and no time is compared.
 *
 * A crash of the database, or a failover, takes back numbers of transactions that an earlier look has seen. All connections break then:
 * an answer by a process that has answered before is one after none of that.
 */
export class SinceLastLook<Seen extends Look> {
  #mark: string | null = null;
  readonly #backends = new Set<string>();
  /** When it was asked last, on the clock of `performance.now()`. */
  #askedAt = 0;

  /** @param ask what was noted since a mark; null for none, of which nothing was noted */
  constructor(private readonly ask: (mark: string | null) => Promise<Seen>) {}

  /** @returns undefined where anything may have been noted */
  async look(): Promise<Seen | undefined> {
    const now = performance.now();
    // A process that stood still may have missed what has been removed since.
    if (now - this.#askedAt > MOST_SILENT_MS) this.forget();
    this.#askedAt = now;
    const seen = await this.ask(this.#mark);
    const isKnown = this.#mark !== null && this.#backends.has(seen.backend);
    if (this.#backends.size >= MOST_BACKENDS) this.#backends.clear();
    this.#backends.add(seen.backend);
    this.#mark = seen.mark;
    return isKnown ? seen : undefined;
  }

  /** Call it when what was told was not acted on: anything may have been noted then. */
  forget(): void {
    this.#mark = null;
    this.#backends.clear();
  }
}
