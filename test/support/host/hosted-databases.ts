import { once } from 'node:events';
import { createServer, type AddressInfo, type Socket } from 'node:net';
import type { PGlite } from '@electric-sql/pglite';
import { hostOf, PgliteSocket } from '../../../src/adapters/postgres/pglite-socket.js';
import { startMigrated } from '../migrated-database.js';
import { EMPTY_TABLES } from './empty-tables.js';
import { MessageBatches } from './message-batches.js';

interface Served {
  readonly pglite: PGlite;
  close(): Promise<void>;
}

/** PGlite in memory behind ports of their own, for suites whose process is too small for it. */
export class HostedDatabases {
  readonly #served = new Map<number, Served>();
  /** Left by a suite that made no tables, and emptied for the next one. */
  #free: PGlite | undefined;
  /** The schemas of a database that nobody has had. */
  #schemas: string | undefined;

  async open(): Promise<{ port: number }> {
    const kept = this.#free;
    this.#free = undefined;
    const pglite = kept ?? (await startMigrated());
    this.#schemas ??= await schemasOf(pglite);
    const { port, close } = await serve(pglite);
    this.#served.set(port, { pglite, close });
    return { port };
  }

  async close(port: number): Promise<void> {
    const served = this.#served.get(port);
    if (served === undefined) return;
    this.#served.delete(port);
    await served.close();
    await served.pglite.exec('ROLLBACK');
    await served.pglite.exec('DISCARD ALL');
    if (this.#free !== undefined || (await schemasOf(served.pglite)) !== this.#schemas) await served.pglite.close();
    else {
      await served.pglite.exec(EMPTY_TABLES);
      this.#free = served.pglite;
    }
  }

  async closeAll(): Promise<void> {
    await Promise.all([...this.#served.keys()].map((port) => this.close(port)));
  }
}

async function serve(pglite: PGlite): Promise<{ port: number; close(): Promise<void> }> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.setNoDelay().once('close', () => sockets.delete(socket));
    connect(socket, pglite);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    close: async () => {
      server.close();
      for (const socket of sockets) socket.destroy();
      await once(server, 'close');
    },
  };
}

function connect(socket: Socket, pglite: PGlite): void {
  const session = new PgliteSocket(hostOf(pglite)).connect();
  const end = () => {
    socket.destroy();
    session.destroy();
  };
  session
    .on('error', end)
    .on('end', end)
    .on('data', (bytes: Buffer) => socket.write(bytes));
  session.once('connect', () => {
    socket.on('error', end).on('close', end).pipe(new MessageBatches()).pipe(session);
  });
}

/** Everything that a suite may have made or altered in the schemas. */
async function schemasOf(pglite: PGlite): Promise<string> {
  const { rows } = await pglite.query<{ schemas: string }>(`
    SELECT array[
      (SELECT string_agg(oid::text, ';' ORDER BY oid) FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind <> 'i'),
      (SELECT string_agg(oid::text, ';' ORDER BY oid) FROM pg_namespace WHERE nspname !~ '^pg_'),
      (SELECT string_agg(oid::text, ';' ORDER BY oid) FROM pg_trigger),
      (SELECT string_agg(oid::text, ';' ORDER BY oid) FROM pg_constraint)
    ]::text AS schemas`);
  return rows[0]?.schemas ?? '';
}
