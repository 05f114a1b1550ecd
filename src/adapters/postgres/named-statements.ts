import type pg from 'pg';
import type { Log } from '../../kernel/log.js';

/** Whether statements get names, by which the server keeps their plans: `auto` finds out whether they may. */
export type PreparedStatements = 'auto' | 'on' | 'off';

const PROBE = 'flynkle_probe';

/**
 * Names of prepared statements, as long as they may be used. A pooler that gives each transaction another session (PgBouncer in
 * transaction mode) must know of names to keep them apart; those that do not pass the names on, and mix them up.
 */
export class NamedStatements {
  private areUsed: boolean;

  constructor(
    private readonly setting: PreparedStatements,
    private readonly logger: Pick<Log, 'info' | 'warn'>,
  ) {
    this.areUsed = setting !== 'off';
  }

  allowed(name: string | undefined): string | undefined {
    return this.areUsed ? name : undefined;
  }

  /** Finds out, where the setting leaves it open, whether a pooler in front of the server mixes names up. */
  async probe(pool: pg.Pool): Promise<void> {
    if (this.setting !== 'auto' || !(await passesNamesOn(pool))) return;
    this.areUsed = false;
    this.logger.info({}, 'a pooler in front of PostgreSQL knows nothing of prepared statements: none are used');
  }

  /** The server did not know a name, or knew it already: sessions change hands. */
  wereMixedUp(): void {
    if (this.setting !== 'auto' || !this.areUsed) return;
    this.areUsed = false;
    this.logger.warn({}, 'a pooler in front of PostgreSQL mixes up prepared statements: none are used from now on');
  }
}

/** For a session that may know no name, or another one. */
export const NO_NAMES: Pick<NamedStatements, 'allowed' | 'wereMixedUp'> = {
  allowed: () => undefined,
  wereMixedUp: () => undefined,
};

/**
 * Whether there is a pooler (its clients know another number of their session than the server does), and the server gets the
 * names that clients give. A pooler that keeps statements apart gives them names of its own.
 */
async function passesNamesOn(pool: pg.Pool): Promise<boolean> {
  const client = await pool.connect();
  try {
    await client.query('BEGIN');
    const name = `${PROBE}_${process.pid}_${Date.now()}`;
    const { rows } = await client.query<{ pid: number }>({ name, text: 'SELECT pg_backend_pid() AS pid', values: [] });
    const isDirect = Reflect.get(client, 'processID') === rows[0]?.pid;
    const { rowCount } = await client.query('SELECT FROM pg_prepared_statements WHERE name = $1', [name]);
    if (rowCount !== 0) await client.query(`DEALLOCATE ${name}`);
    await client.query('COMMIT');
    return !isDirect && rowCount !== 0;
  } finally {
    // Its names are no longer those of the session.
    client.release(true);
  }
}
