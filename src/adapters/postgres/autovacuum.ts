import type pg from 'pg';
import type { Log } from '../../kernel/log.js';
import { Rounds } from '../../kernel/rounds.js';
import { systemTimers } from '../../kernel/timers.js';
import { describeFailure } from './connection-failure.js';

const LOOK_MS = 20_000;

interface AutovacuumNeeds {
  /** Where it is looked for tables that have grown. */
  readonly pool: Pick<pg.Pool, 'query'>;
  readonly logger: Pick<Log, 'warn'>;
  /** Runs a command, which may take minutes, and ends it where the signal aborts, if it can be ended. */
  readonly run: (statement: string, signal: AbortSignal) => Promise<unknown>;
  /** `ANALYZE` leaves vacuuming to the server. Both skip what somebody else is at. */
  readonly command: 'VACUUM (ANALYZE, SKIP_LOCKED)' | 'ANALYZE (SKIP_LOCKED)';
  /** The schemas whose tables are looked after; all of the database where it is left out. */
  readonly schemas?: readonly string[];
  /** Whether the disk has room: this writes to the log of transactions, and PostgreSQL panics where that is full. */
  readonly hasRoom?: () => Promise<boolean>;
  /** 20 s by default. */
  readonly everyMs?: number | undefined;
}

/**
 * Looks after tables that have grown by a fifth and by eight pages since somebody last did, that nobody has analysed, or in which
 * more rows have changed since than there were, so that plans that were made while they were small are made anew, by what is in them
 * now (docs/decisions/0094-plans-are-made-once.md). A smaller table is read as a whole in no time. It does what autovacuum does on a
 * server: PGlite has none; on a server it may be off, or come a minute later. What a table was is kept by PostgreSQL, over restarts
 * too. One table at a time.
 */
export class Autovacuum {
  readonly #rounds: Rounds;
  #hasFailed = false;
  /** What had pages and no rows: a transaction may have been filling it. */
  #seenEmpty: ReadonlySet<string> = new Set();

  constructor(private readonly needs: AutovacuumNeeds) {
    this.#rounds = new Rounds({
      work: async (closing) => {
        await this.try(closing);
        return false;
      },
      everyMs: needs.everyMs ?? LOOK_MS,
      beginsLater: true,
      timers: systemTimers,
    });
  }

  open(): void {
    this.#rounds.open();
  }

  /** Ends what is under way, if it can be ended. */
  close(): Promise<void> {
    return this.#rounds.close();
  }

  /** As {@link work}. What fails is logged, once until it succeeds. */
  async try(closing?: AbortSignal): Promise<void> {
    try {
      await this.work(closing);
      this.#hasFailed = false;
    } catch (error) {
      if (closing?.aborted === true) return;
      const reason = describeFailure(error);
      if (!this.#hasFailed) this.needs.logger.warn({ reason }, 'tables that have grown could not be analysed');
      this.#hasFailed = true;
    }
  }

  /**
   * @returns the tables that it has looked after
   * @throws what failed first, when the others are done
   */
  async work(closing = new AbortController().signal): Promise<readonly string[]> {
    const { pool, run, command, schemas, hasRoom } = this.needs;
    if ((await hasRoom?.()) === false) return [];
    // A table that got an index after its rows has a size, but nobody knows what is in it. Rows that a transaction was adding
    // while its table was analysed were not counted, and their pages were: it need not grow any more. They count as changes once
    // that has committed; where it did so during the analysis, this looks once more.
    const { rows } = await pool.query<{ name: string; isEmpty: boolean; isDue: boolean }>(
      `WITH sizes AS (
         SELECT c.oid::regclass::text AS name, n.nspname, c.relname, c.relpages, c.reltuples,
           pg_relation_size(c.oid) / current_setting('block_size')::int AS pages,
           pg_stat_get_mod_since_analyze(c.oid) AS changes, c.relkind = 'r' AND n.nspname <> 'pg_catalog' AS "isData"
         FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
         WHERE c.relkind IN ('r', 't') AND ($1::text[] IS NULL OR n.nspname = ANY($1))
       ), looks AS (
         SELECT name, pages, "isData" AND pages > 8 AND reltuples = 0 AS "isEmpty",
           pages > 1.2 * relpages + 8 OR ("isData" AND pages > 8 AND (
             changes > greatest(reltuples, 0) OR (reltuples > 0
               AND NOT EXISTS (SELECT FROM pg_stats s WHERE s.schemaname = nspname AND s.tablename = relname)))) AS "isDue"
         FROM sizes
       )
       SELECT name, "isEmpty", "isDue" FROM looks WHERE "isEmpty" OR "isDue" ORDER BY pages`,
      [schemas],
    );
    const done: string[] = [];
    const failures: unknown[] = [];
    const seenEmpty = this.#seenEmpty;
    this.#seenEmpty = new Set(rows.flatMap(({ name, isEmpty }) => (isEmpty ? [name] : [])));
    for (const { name, isDue } of rows) {
      if (closing.aborted) break;
      if (!isDue && seenEmpty.has(name)) continue;
      // PostgreSQL quotes what needs it.
      await run(`${command} ${name}`, closing).then(
        () => done.push(name),
        (error: unknown) => failures.push(error),
      );
    }
    if (failures.length > 0) throw failures[0];
    return done;
  }
}
