// Connects the schema engine to a database: the PostgreSQL server at a URL or, for IN_MEMORY_URL, a PGlite in this process that
// starts empty and is lost at the end. In a shadow database, the engine replays the migrations to see what they create; for
// PGlite it is a second PGlite, on a server a database that is dropped afterwards.
import { setFlagsFromString } from 'node:v8';
import { PGlite } from '@electric-sql/pglite';
import { btree_gin } from '@electric-sql/pglite/contrib/btree_gin';
import { pg_trgm } from '@electric-sql/pglite/contrib/pg_trgm';
import { createPgConfig } from '@electric-sql/pglite/node-postgres';
import { PrismaPg } from '@prisma/adapter-pg';
import { bindMigrationAwareSqlAdapterFactory, ColumnTypeEnum } from '@prisma/driver-adapter-utils';
import { randomUUID } from 'node:crypto';
import pg from 'pg';
import { IN_MEMORY_URL } from './in-memory-url.ts';

const CHAR_TYPE = 18;
const TEXT_TYPE = 25;

/** The connection factory for SchemaEngine.new, for the database at `url`. */
export function connectionFactory(url) {
  const connections = url === IN_MEMORY_URL ? inMemoryConnections() : serverConnections(url);
  return bindMigrationAwareSqlAdapterFactory({
    provider: 'postgres',
    adapterName: '@prisma/adapter-pg',
    ...connections,
  });
}

/** Rejects with the error of PostgreSQL or the socket when the database at `url` cannot be used; 3D000: it does not exist. */
export async function probeConnection(url) {
  if (url !== IN_MEMORY_URL) await withClient(url, () => undefined);
}

export async function createDatabase(url) {
  await withClient(databaseUrl(url, 'postgres'), (client) => client.query(`CREATE DATABASE ${nameOf(url)}`));
}

function inMemoryConnections() {
  let database;
  return {
    // All requests of the engine share one database: later ones read what earlier ones wrote.
    connect: async () => adapterFor(poolOver((database ??= await createPglite()))),
    connectToShadowDb: async () => {
      const shadow = await createPglite();
      return adapterFor(poolOver(shadow), () => shadow.close());
    },
  };
}

// Freeing WebAssembly code while a thread compiles ends the process, seldom: https://github.com/nodejs/node/issues/64500.
setFlagsFromString('--no-wasm-code-gc');

/** A PGlite with the extensions that the migrations require. */
function createPglite() {
  return PGlite.create({ extensions: { btree_gin, pg_trgm } });
}

function poolOver(pglite) {
  const config = createPgConfig(pglite);
  const parse = config.connection.parse.bind(config.connection);
  // PGlite takes the parameters' types from `types`, but adapter-pg passes a parser of the results' types under that name.
  config.connection.parse = (query) => parse({ ...query, types: Array.isArray(query.types) ? query.types : undefined });
  // One client that never times out, since a second one would find PGlite's connection closed.
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

/** adapter-pg over `pool`, with fixes where the schema engine needs more than Prisma's client does. */
async function adapterFor(pool, onDispose = () => undefined) {
  const adapter = await new PrismaPg(pool).connect();
  const { queryRaw } = adapter;
  return Object.assign(adapter, {
    queryRaw: (query) => queryWithCharColumns(adapter, queryRaw, query),
    // adapter-pg would split a script at every semicolon, even inside a string or a function body.
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
 * adapter-pg's `queryRaw`, extended to columns of type "char", which are common in PostgreSQL's catalogue. adapter-pg does not
 * know that type, so it is told that they are text; the engine, which insists on the type, gets them as Character.
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
