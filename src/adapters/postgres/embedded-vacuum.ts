import { setTimeout as delay } from 'node:timers/promises';
import type pg from 'pg';
import type { Log } from '../../kernel/log.js';
import { describeFailure } from './connection-failure.js';

const LOOK_MS = 60_000;
/** Grown by a fifth, as autovacuum has it, and by eight pages: a smaller table is read as a whole in no time. */
const GROWN = `SELECT c.oid::regclass::text AS name FROM pg_class c
  WHERE c.relkind IN ('r', 't') AND pg_relation_size(c.oid) / current_setting('block_size')::int > 1.2 * c.relpages + 8
  ORDER BY pg_relation_size(c.oid)`;

/**
 * Does for the embedded database what autovacuum does on a server, which PGlite lacks: room of deleted and changed rows is used
 * again, and plans that were made while a table was small are made anew, by statistics of what is in it now. Looks once a
 * minute, and takes one table at a time. What a table was when it was vacuumed is kept by PostgreSQL, over restarts too.
 */
export class EmbeddedVacuum {
  readonly #closing = new AbortController();
  #working: Promise<void> = Promise.resolve();

  constructor(
    private readonly pool: pg.Pool,
    private readonly logger: Pick<Log, 'warn'>,
    private readonly everyMs = LOOK_MS,
  ) {}

  open(): void {
    this.#working = this.#workAlways();
  }

  async close(): Promise<void> {
    this.#closing.abort();
    await this.#working;
  }

  /** @returns the tables that had grown */
  async vacuum(): Promise<readonly string[]> {
    const { rows } = await this.pool.query<{ name: string }>(GROWN);
    const names = rows.map(({ name }) => name);
    for (const name of names) {
      if (this.#closing.signal.aborted) break;
      // Of the database itself, which quotes what needs it.
      await this.pool.query(`VACUUM (ANALYZE) ${name}`);
    }
    return names;
  }

  async #workAlways(): Promise<void> {
    const { signal } = this.#closing;
    for (;;) {
      await delay(this.everyMs, undefined, { signal, ref: false }).catch(() => undefined);
      if (signal.aborted) return;
      await this.vacuum().catch((error: unknown) => {
        this.logger.warn({ reason: describeFailure(error) }, 'the embedded database could not be vacuumed');
      });
    }
  }
}
