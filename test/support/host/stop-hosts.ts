import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import pg from 'pg';

/** Ends the hosts, which close what is still open in them, and drops the database that theirs were copied from. */
async function stopHosts(): Promise<void> {
  const { testHosts = [] } = globalThis as { readonly testHosts?: readonly ChildProcess[] };
  await Promise.all(
    testHosts.map(async (host) => {
      if (host.exitCode !== null || host.signalCode !== null) return;
      host.disconnect();
      await once(host, 'exit');
    }),
  );
  await dropTemplate();
}

async function dropTemplate(): Promise<void> {
  const { TEST_DATABASE_URL: server = '', TEST_TEMPLATE: template } = process.env;
  if (server === '' || template === undefined) return;
  const client = new pg.Client(server);
  await client.connect();
  await client.query(`DROP DATABASE IF EXISTS ${template}`);
  await client.end();
}

export { stopHosts as default };
