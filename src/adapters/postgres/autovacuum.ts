import { setTimeout as delay } from 'node:timers/promises';
import type pg from 'pg';
import type { Log } from '../../kernel/log.js';
import { describeFailure } from './connection-failure.js';

const LOOK_MS = 20_000;

interface AutovacuumNeeds {
  readonly pool: pg.Pool;
  readonly logger: Pick<Log, 'warn'>;
  /** `ANALYZE` leaves vacuuming to the server. Both skip what somebody else is at. */
  readonly command: 'VACUUM (ANALYZE, SKIP_LOCKED)' | 'ANALYZE (SKIP_LOCKED)';
  /** Whether only tables of the first schema of the search path are looked after, and not all of the database. */
  readonly ownSchemaAlone: boolean;
  /** Whether the disk has room: this writes to the log of transactions, and PostgreSQL panics where that is full. */
  readonly hasRoom?: () => Promise<boolean>;
  /** 20 s by default. */
  readonly everyMs?: number | undefined;
}

/**
 * Looks after tables that have grown by a fifth and by eight pages since somebody last did, so that plans that were made while they were
 * small are made anew, by what is in them now (docs/decisions/0094-plans-are-made-once.md). A smaller table is read as a whole in
 * no time. It does what autovacuum does on a server: PGlite has none; on a server it may be off, or come a minute later. What a
 * table was is kept by PostgreSQL, over restarts too. One table at a time.
 */
export class Autovacuum {
  readonly #closing = new AbortController();
  #working: Promise<void> = Promise.resolve();

  constructor(private readonly needs: AutovacuumNeeds) {}

  open(): void {
    this.#working = this.#workAlways();
  }

  async close(): Promise<void> {
    this.#closing.abort();
    await this.#working;
  }

  /** @returns the tables that had grown */
  async work(): Promise<readonly string[]> {
    const { pool, command, ownSchemaAlone, hasRoom } = this.needs;
    if ((await hasRoom?.()) === false) return [];
    const { rows } = await pool.query<{ name: string }>(
      `SELECT c.oid::regclass::text AS name FROM pg_class c
       WHERE c.relkind IN ('r', 't') AND pg_relation_size(c.oid) / current_setting('block_size')::int > 1.2 * c.relpages + 8
         ${ownSchemaAlone ? `AND c.relnamespace = current_schema()::regnamespace` : ''}
       ORDER BY pg_relation_size(c.oid)`,
    );
    const names = rows.map(({ name }) => name);
    for (const name of names) {
      if (this.#closing.signal.aborted) break;
      // PostgreSQL quotes what needs it.
      await pool.query(`${command} ${name}`);
    }
    return names;
  }

  async #workAlways(): Promise<void> {
    const { signal } = this.#closing;
    const { everyMs = LOOK_MS, logger } = this.needs;
    let hasFailed = false;
    for (;;) {
      await delay(everyMs, undefined, { signal, ref: false }).catch(() => undefined);
      if (signal.aborted) return;
      try {
        await this.work();
        hasFailed = false;
      } catch (error) {
        const reason = describeFailure(error);
        if (!hasFailed) logger.warn({ reason }, 'tables that have grown could not be analysed');
        hasFailed = true;
      }
    }
  }
}
