import { existsSync } from 'node:fs';
import { dirname } from 'node:path';
import { FORMAT, type Manifest } from './adapters/backup/manifest.js';
import { removeSnapshots, requireRoom, takeSnapshot } from './adapters/backup/snapshot.js';
import { SnapshotServer, withSnapshot } from './adapters/backup/snapshot-socket.js';
import { DirectoryInUse } from './adapters/postgres/directory-lock.js';
import { appliedMigrations, readMigrations } from './adapters/postgres/migrate.js';
import { MIGRATIONS } from './adapters/postgres/migrations-directory.js';
import { openDatabase } from './adapters/postgres/open-database.js';
import type { OpenedDatabase } from './adapters/postgres/pool-database.js';
import type { Closing } from './closing.js';
import type { Config } from './config.js';
import type { Log } from './kernel/log.js';
import { StartupError } from './kernel/startup-error.js';

/** Far more events than a client sees between a backup and its restore. */
const EVENTS_PASSED_OVER = 1_000_000;

/** Lets the command line make backups of the embedded database while the service runs. */
export async function openBackups(
  { dataDirectory }: Config,
  { database, version, log }: { readonly database: OpenedDatabase; readonly version: string; readonly log: Log },
  resources: Closing,
): Promise<void> {
  await removeSnapshots(dataDirectory);
  const take = async () => {
    await requireRoom(dataDirectory);
    const manifest = await manifestOf(database, version);
    return { folder: await database.whileStill(() => takeSnapshot(dataDirectory)), manifest };
  };
  const server = await SnapshotServer.open({ dataDirectory, take, log });
  resources.defer('the socket of backups', () => {
    server.close();
  });
}

/**
 * Writes a backup of DATA_DIR into a new file, whether a service runs on it or not.
 * @returns what to tell the operator, a line each
 * @throws StartupError when it cannot be made; there is no file then
 */
export async function backUp(config: Config, version: string, file: string, log: Log): Promise<readonly string[]> {
  requireEmbedded(config, 'backed up');
  if (existsSync(file)) throw new StartupError(`${file} exists: a backup takes the place of no file`);
  if (!existsSync(dirname(file))) throw new StartupError(`there is no folder ${dirname(file)}`);
  const { dataDirectory } = config;
  const { writeArchive } = await import('./adapters/backup/write-archive.js');
  const write = (root: string, manifest: Manifest) => writeArchive(root, file, manifest).catch(explainFile);
  const database = await openDatabase({
    url: undefined,
    dataDirectory,
    migrationsDirectory: MIGRATIONS,
    logger: log,
    missingMigrations: 'leave',
  }).catch((error: unknown) => {
    if (error instanceof DirectoryInUse) return undefined;
    throw error;
  });
  if (database === undefined) return told(config, file, await withSnapshot(dataDirectory, write));
  await using resources = new AsyncDisposableStack();
  resources.defer(() => database.close());
  const manifest = await manifestOf(database, version);
  return told(config, file, await database.whileStill(() => write(dataDirectory, manifest)));
}

/**
 * Puts a backup into DATA_DIR.
 * @returns what to tell the operator, a line each
 * @throws StartupError when it is refused; nothing is changed then
 */
export async function restoreBackup(
  config: Config,
  version: string,
  file: string,
  force: boolean,
  log: Log,
): Promise<readonly string[]> {
  requireEmbedded(config, 'restored');
  const { restoreArchive } = await import('./adapters/backup/restore.js');
  const known = new Map((await readMigrations(MIGRATIONS)).map(({ name, checksum }) => [name, checksum]));
  const accept = (manifest: Manifest) => {
    const unknown = manifest.migrations.find(({ name, checksum }) => known.get(name) !== checksum);
    if (unknown === undefined && !isNewer(manifest.version, version)) return;
    throw new StartupError(
      `release ${manifest.version} made it, and this is ${version}` +
        `${unknown === undefined ? '' : `, which does not know its migration ${unknown.name}`}: restore it with that release or a later one`,
    );
  };
  const { dataDirectory } = config;
  const prepare = (unpacked: string) => numberEventsAnew(unpacked, log);
  const { manifest, aside } = await restoreArchive(file, { dataDirectory, force, accept, prepare }).catch(explainFile);
  return [
    `${dataDirectory} is as it was at ${manifest.madeAt}, under release ${manifest.version}`,
    ...(aside === null ? [] : [`what was there before is in ${aside}`]),
    ...elsewhere(config, 'must be as it was then, too'),
  ];
}

/**
 * Clients have seen events that the backup does not have, under numbers that would come again: one that asks for what came after
 * them would miss as many. So numbers begin anew, far above, and what clients ask for is told as expired: they read anew.
 */
async function numberEventsAnew(dataDirectory: string, log: Log): Promise<void> {
  await using resources = new AsyncDisposableStack();
  const database = await openDatabase({
    url: undefined,
    dataDirectory,
    migrationsDirectory: MIGRATIONS,
    logger: log,
    missingMigrations: 'leave',
  });
  resources.defer(() => database.close());
  const { rows } = await database.query(`SELECT WHERE to_regclass('event_feeds') IS NOT NULL`);
  // A release before this one had no such events.
  if (rows.length === 0) return;
  await database.transaction(async (sql) => {
    await sql.query('UPDATE event_feeds SET last_sequence = last_sequence + $1', [EVENTS_PASSED_OVER]);
    await sql.query('DELETE FROM feed_events');
  });
}

async function manifestOf(database: OpenedDatabase, version: string): Promise<Manifest> {
  const migrations = await appliedMigrations((text) => database.query(text));
  return { format: FORMAT, version, madeAt: new Date().toISOString(), migrations };
}

function requireEmbedded({ databaseUrl }: Config, done: string): void {
  if (databaseUrl === undefined) return;
  throw new StartupError(
    `DATABASE_URL is set: a PostgreSQL server is ${done} by its own tools (pg_dump, pg_restore, or a base backup). ` +
      'docs/operations.md, "Backup", has the order of the database, the store and SECRET_KEY',
  );
}

function told(config: Config, file: string, { files, bytes }: { readonly files: number; readonly bytes: number }) {
  const size = `${(bytes / 1e6).toFixed(1)} MB`;
  return [`${file} has ${files} files of ${config.dataDirectory} in ${size}`, ...elsewhere(config, 'is not in it')];
}

/** What the settings keep in another place than DATA_DIR. */
function elsewhere({ secrets, uploads }: Config, words: string): readonly string[] {
  return [
    ...(secrets === undefined ? [] : [`SECRET_KEY of the settings ${words}: without it, nobody's tokens are good`]),
    ...(uploads.s3 === undefined ? [] : [`the bucket ${uploads.s3.bucket} of uploaded files ${words}`]),
  ];
}

/** By the numbers of a release, as `1.10.0`. */
function isNewer(version: string, than: string): boolean {
  return version.localeCompare(than, 'en', { numeric: true }) > 0;
}

/** A fault of the disk or of the file's place, in one line. */
function explainFile(error: unknown): never {
  if (error instanceof Error && 'syscall' in error) throw new StartupError(error.message, { cause: error });
  throw error;
}
