// How the schema engine reaches a database: the PostgreSQL server at a URL or, for IN_MEMORY_URL, a PGlite in this process
// that is empty at the start and gone at the end. A shadow database is where the engine replays the migrations to see what
// they make; beside PGlite it is a second PGlite, on a server a database that is dropped again.
import { PGlite } from '@electric-sql/pglite';
import { pg_trgm } from '@electric-sql/pglite/contrib/pg_trgm';
import { createPgConfig } from '@electric-sql/pglite/node-postgres';
import { PrismaPg } from '@prisma/adapter-pg';
import { bindMigrationAwareSqlAdapterFactory, ColumnTypeEnum } from '@prisma/driver-adapter-utils';
import { randomUUID } from 'node:crypto';
import pg from 'pg';
import { IN_MEMORY_URL } from './in-memory-url.ts';

const CHAR_TYPE = 18;
const TEXT_TYPE = 25;

/** What SchemaEngine.new takes as its way to the database at `url`. */
export function connectionFactory(url) {
  const connections = url === IN_MEMORY_URL ? inMemoryConnections() : serverConnections(url);
  return bindMigrationAwareSqlAdapterFactory({
    provider: 'postgres',
    adapterName: '@prisma/adapter-pg',
    ...connections,
  });
}

/** Rejects with PostgreSQL's or the socket's error when the database at `url` cannot be used; 3D000: it does not exist. */
export async function probeConnection(url) {
  if (url !== IN_MEMORY_URL) await withClient(url, () => undefined);
}

export async function createDatabase(url) {
  await withClient(databaseUrl(url, 'postgres'), (client) => client.query(`CREATE DATABASE ${nameOf(url)}`));
}

function inMemoryConnections() {
  let database;
  return {
    // One database for all of the engine's requests: later ones read what earlier ones wrote.
    connect: async () => adapterFor(poolOver((database ??= await createPglite()))),
    connectToShadowDb: async () => {
      const shadow = await createPglite();
      return adapterFor(poolOver(shadow), () => shadow.close());
    },
  };
}

/** With the extension that the migrations ask for. */
function createPglite() {
  return PGlite.create({ extensions: { pg_trgm } });
}

function poolOver(pglite) {
  const config = createPgConfig(pglite);
  const parse = config.connection.parse.bind(config.connection);
  // PGlite reads `types` as the parameters' types; adapter-pg passes a parser of the results' types under that name.
  config.connection.parse = (query) => parse({ ...query, types: Array.isArray(query.types) ? query.types : undefined });
  // A second client, after the first was idle for a while, would find the connection closed.
  return new pg.Pool({ ...config, max: 1, idleTimeoutMillis: 0 });
}

function serverConnections(url) {
  return {
    connect: () => adapterFor(new pg.Pool({ connectionString: url, max: 1 })),
    connectToShadowDb: async () => {
      const shadowUrl = databaseUrl(url, `prisma_migrate_shadow_db_${randomUUID()}`);
      await createDatabase(shadowUrl);
      return adapterFor(new pg.Pool({ connectionString: shadowUrl, max: 1 }), () =>
        withClient(url, (client) => client.query(`DROP DATABASE ${nameOf(shadowUrl)} WITH (FORCE)`)),
      );
    },
  };
}

/** adapter-pg over `pool`, mended where the schema engine asks more of it than Prisma's client does. */
async function adapterFor(pool, onDispose = () => undefined) {
  const adapter = await new PrismaPg(pool).connect();
  const { queryRaw } = adapter;
  return Object.assign(adapter, {
    queryRaw: (query) => queryWithCharColumns(adapter, queryRaw, query),
    // adapter-pg splits a script at every semicolon, also inside of a string or a function's body.
    executeScript: async (script) => {
      await pool.query(script).catch((error) => adapter.onError(error));
    },
    dispose: async () => {
      await pool.end();
      await onDispose();
    },
  });
}

/**
 * adapter-pg's `queryRaw`, for results with columns of type "char" too, which PostgreSQL's catalogue has many of: adapter-pg
 * does not know that type, so it is shown them as text, and the engine, which insists on it, gets them as Character.
 */
async function queryWithCharColumns(adapter, queryRaw, query) {
  const { rows, fields } = await adapter.performIO(query);
  const isChar = fields.map((field) => field.dataTypeID === CHAR_TYPE);
  const readable = fields.map((field, index) => ({
    ...field,
    dataTypeID: isChar[index] ? TEXT_TYPE : field.dataTypeID,
  }));
  const result = await queryRaw.call({ performIO: async () => ({ rows, fields: readable }) }, query);
  const columnTypes = result.columnTypes.map((type, index) => (isChar[index] ? ColumnTypeEnum.Character : type));
  return { ...result, columnTypes };
}

async function withClient(url, work) {
  const client = new pg.Client(url);
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}

function databaseUrl(url, name) {
  const other = new URL(url);
  other.pathname = `/${encodeURIComponent(name)}`;
  return other.href;
}

function nameOf(url) {
  return pg.escapeIdentifier(decodeURIComponent(new URL(url).pathname.slice(1)));
}
