import { randomUUID } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import pg from 'pg';
import type { Log } from '../../src/kernel/log.js';

/** The stores that the suites run on: the embedded defaults, and real servers where the environment names them. */
export type Stores = 'embedded' | 'servers';

export const stores: readonly Stores[] = [
  ...(withEmbedded() ? ['embedded' as const] : []),
  ...(testServerUrl() === undefined ? [] : ['servers' as const]),
];

/**
 * Whether suites run on what is embedded: always, but with `TEST_STORES=servers`, for a run after one that had it. Suites
 * that know nothing of servers do not look at it.
 */
export function withEmbedded(): boolean {
  return process.env['TEST_STORES'] !== 'servers' || testServerUrl() === undefined;
}

/** TEST_DATABASE_URL, for suites that only mean something on a PostgreSQL server. */
export function testServerUrl(): string | undefined {
  const url = process.env['TEST_DATABASE_URL'];
  return url === '' ? undefined : url;
}

export const migrationsDirectory = fileURLToPath(new URL('../../prisma/migrations', import.meta.url));

const ignore = (): void => undefined;
export const silentLogger: Log = { info: ignore, warn: ignore, error: ignore };

export interface CreatedDatabase {
  readonly name: string;
  readonly url: string;
  drop(): Promise<void>;
}

/**
 * Creates a database on the test server, which is empty unless there is a database to copy. Most suites want
 * `createMigratedDatabase()` of migrated-database.ts.
 */
export async function createDatabase(server: string, template?: string): Promise<CreatedDatabase> {
  const name = `flynkle_test_${randomUUID().replaceAll('-', '')}`;
  await administer(server, `CREATE DATABASE ${name}${template === undefined ? '' : ` TEMPLATE ${template}`}`);
  const url = new URL(server);
  url.pathname = `/${name}`;
  return { name, url: url.href, drop: () => administer(server, `DROP DATABASE ${name} WITH (FORCE)`) };
}

/** Runs one statement on the test server, outside the databases under test. */
export async function administer(server: string, statement: string): Promise<void> {
  const client = new pg.Client({ connectionString: server });
  await client.connect();
  try {
    await client.query(statement);
  } finally {
    await client.end();
  }
}
