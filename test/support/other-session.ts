import pg from 'pg';
import type { TestApp } from './app.js';
import { eventually } from './eventually.js';
import { testServerUrl } from './servers.js';

export interface OtherSession {
  readonly query: pg.Client['query'];
  /** Resolves once a statement of somebody else waits for a lock of this session. */
  isWaitedFor(): Promise<void>;
}

/** Does `work` with a session of its own on the app's database, which has to be on a server. It is closed in the end. */
export async function withOtherSession(app: TestApp, work: (session: OtherSession) => Promise<void>): Promise<void> {
  const { rows } = await app.database.query<{ name: string }>('SELECT current_database() AS name');
  const url = new URL(testServerUrl() ?? '');
  url.pathname = `/${rows[0]?.name}`;
  const client = new pg.Client(url.href);
  await client.connect();
  const waiting = `SELECT pid FROM pg_stat_activity WHERE pg_backend_pid() = ANY (pg_blocking_pids(pid))`;
  try {
    await work({
      query: client.query.bind(client),
      isWaitedFor: async () => {
        await eventually(
          () => client.query(waiting),
          ({ rows: found }) => found.length > 0,
        );
      },
    });
  } finally {
    await client.end();
  }
}
