import { randomUUID } from 'node:crypto';
import { closeSync, existsSync, openSync, readFileSync, writeSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import type { App } from '../../../src/app.js';
import type { Environment } from '../../../src/config.js';
import type { Database } from '../../../src/ports/database.js';
import { startFaultProxy } from '../fault-proxy.js';
import { createMigratedDatabase, fillDataDirectory } from '../migrated-database.js';
import type { Secret } from '../secrets/secret-search.js';
import { secretsInSettings } from '../secrets/secrets-in.js';
import { testServerUrl } from '../servers.js';
import { EMPTY_TABLES } from './empty-tables.js';
import type { StartedService, StartOptions } from './protocol.js';
import { loadProgram } from './started-program.js';

/** Limits that a suite does not mean to meet. */
const ROOMY: Environment = {
  RATE_LIMIT_LOGIN: '1000/60',
  RATE_LIMIT_LOGIN_CLIENT: '10000/60',
  RATE_LIMIT_SIGN_UP: '100000/60',
  RATE_LIMIT_CHAT: '1000/60',
  RATE_LIMIT_MESSAGE: '1000/60',
  RATE_LIMIT_CODE_ADDRESS: '1000/60',
  RATE_LIMIT_CODE_CLIENT: '1000/60',
  RATE_LIMIT_PROVIDER_LOGIN: '1000/60',
  MODEL_BREAKER_FAILURES: '1000',
  MAX_EVENT_LOOP_LAG_MS: '1000000',
};

/** Settings that leave nothing in the service which the next suite could notice: others say where things are, or are counted. */
const SHARED_SETTINGS = new Set(['PLANS', 'SECRET_KEY']);

/** Work that goes on when nobody waits for it. */
const UNFINISHED = `
  SELECT FROM messages WHERE status = 'STREAMING'
  UNION ALL SELECT FROM usage_entries WHERE settled_at IS NULL
  UNION ALL SELECT FROM jobs.job WHERE state IN ('created', 'retry', 'active')`;

/** Is told of what must not be in a log, and of each log. */
export interface LeakWatch {
  secrets(secrets: Iterable<Secret>): void;
  log(text: string): void;
}

/** The whole service on a port of its own, as main.ts starts it but for the log, and what it stands on. */
export class HostedService {
  readonly id = randomUUID();
  #app: App | undefined;
  #log: { readonly file: string; readonly descriptor: number } | undefined;
  #isAlone: boolean;
  queryCount = 0;

  private constructor(
    readonly kind: string,
    private readonly directory: string,
    private readonly environment: Environment,
    private readonly model: { port: number },
    private readonly resources: AsyncDisposableStack,
    private readonly watch: LeakWatch,
    options: StartOptions,
  ) {
    this.#isAlone = !Object.keys(options.settings).every((name) => SHARED_SETTINGS.has(name));
  }

  /** Services of the same kind differ in nothing. */
  static kindOf({ stores, settings }: StartOptions): string {
    return JSON.stringify([stores, ...Object.entries(settings).sort()]);
  }

  static async start(options: StartOptions, watch: LeakWatch): Promise<HostedService> {
    const resources = new AsyncDisposableStack();
    try {
      const service = await HostedService.prepare(options, resources, watch);
      await service.run();
      return service;
    } catch (error) {
      await resources.disposeAsync();
      throw error;
    }
  }

  private static async prepare(
    options: StartOptions,
    resources: AsyncDisposableStack,
    watch: LeakWatch,
  ): Promise<HostedService> {
    const directory = await mkdtemp(join(tmpdir(), 'flynkle-test-'));
    resources.defer(() => rm(directory, { recursive: true, force: true }));
    // Each suite has a model server of its own, and the service has one address for all of them.
    const model = { host: '127.0.0.1', port: options.modelPort };
    const relay = await startFaultProxy(model);
    resources.defer(() => relay.close());
    const environment: Environment = {
      ...ROOMY,
      NODE_ENV: 'test',
      PORT: '0',
      HOST: '127.0.0.1',
      DATA_DIR: directory,
      OPENAI_BASE_URL: `http://127.0.0.1:${relay.port}/v1`,
      OPENAI_API_KEY: 'sk-of-the-tests-2b7c',
      ...(await storeSettings(options, directory, resources)),
      ...options.settings,
    };
    return new HostedService(HostedService.kindOf(options), directory, environment, model, resources, watch, options);
  }

  started(): StartedService {
    if (this.#app === undefined || this.#log === undefined) throw new Error('The service does not run');
    return { id: this.id, url: this.#app.url, pid: process.pid, logFile: this.#log.file };
  }

  /** Empties the service for another suite. */
  async begin({ modelPort }: StartOptions): Promise<void> {
    this.model.port = modelPort;
    this.#openLog();
    await this.#database.query(EMPTY_TABLES);
    await this.#database.query('DELETE FROM jobs.job');
  }

  /** Not with settings that are a suite's own, after a restart, or with work under way that would show in the next suite. */
  async canServeAnother(): Promise<boolean> {
    if (this.#isAlone) return false;
    const { rowCount } = await this.#database.query(UNFINISHED);
    return rowCount === 0;
  }

  query(text: string, values?: readonly unknown[]) {
    return this.#database.query(text, values);
  }

  async restart(): Promise<void> {
    this.#isAlone = true;
    await this.#app?.close();
    await this.run();
  }

  /** Logs nothing more for this suite. */
  endLog(): void {
    if (this.#log === undefined) return;
    closeSync(this.#log.descriptor);
    this.watch.log(readFileSync(this.#log.file, 'utf8'));
    this.#log = undefined;
  }

  async close(): Promise<void> {
    await this.#app?.close();
    this.endLog();
    await this.resources.disposeAsync();
  }

  private async run(): Promise<void> {
    this.#openLog();
    const log = pino({ level: 'info' }, { write: (line) => this.#writeLog(line) });
    const { startApp, readConfig } = await loadProgram();
    this.#app = await startApp(readConfig(this.environment), log);
    this.countQueries(this.#app.adapters.database);
  }

  private countQueries(database: Database): void {
    const query = database.query.bind(database);
    database.query = (text, values, name) => {
      this.queryCount++;
      return query(text, values, name);
    };
  }

  get #database() {
    if (this.#app === undefined) throw new Error('The service does not run');
    return this.#app.adapters.database;
  }

  #openLog(): void {
    this.endLog();
    this.#tellSecrets();
    const file = join(this.directory, `${randomUUID()}.log`);
    this.#log = { file, descriptor: openSync(file, 'a') };
  }

  #tellSecrets(): void {
    this.watch.secrets(secretsInSettings(this.environment));
    const made = join(this.directory, 'secret-key');
    if (existsSync(made)) this.watch.secrets([{ kind: 'SECRET_KEY', value: readFileSync(made, 'utf8') }]);
  }

  /** At once, so that whoever has an answer finds in the file what was logged about it. */
  #writeLog(line: string): void {
    if (this.#log !== undefined) writeSync(this.#log.descriptor, line);
  }
}

/** An empty database with its tables, unless the suite has one of its own; and the other servers. */
async function storeSettings(
  { stores, settings }: StartOptions,
  directory: string,
  resources: AsyncDisposableStack,
): Promise<Environment> {
  const server = testServerUrl();
  const isGiven = settings['DATABASE_URL'] !== undefined;
  if (stores === 'embedded' || server === undefined) {
    if (!isGiven && settings['DATA_DIR'] === undefined) await fillDataDirectory(directory);
    return {};
  }
  const others = { REDIS_URL: process.env['TEST_REDIS_URL'], ...s3Settings() };
  if (isGiven) return others;
  const { url, drop } = await createMigratedDatabase(server);
  resources.defer(drop);
  return { ...others, DATABASE_URL: url };
}

/** The S3 server of TEST_S3_ENDPOINT, where there is one. */
function s3Settings(): Environment {
  const endpoint = process.env['TEST_S3_ENDPOINT'];
  if (endpoint === undefined) return {};
  return {
    MINIO_ENDPOINT: endpoint,
    MINIO_ACCESS_KEY: process.env['TEST_S3_ACCESS_KEY'] ?? 'minioadmin',
    MINIO_SECRET_KEY: process.env['TEST_S3_SECRET_KEY'] ?? 'minioadmin',
    MINIO_BUCKET: process.env['TEST_S3_BUCKET'] ?? 'flynkle-test',
  };
}
