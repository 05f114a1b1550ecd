import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { startApp, type App } from '../../src/app.js';
import { readConfig, type Environment } from '../../src/config.js';
import { createDatabase, fillDataDirectory, testServerUrl, withEmbedded } from './database.js';
import { startModelServer, type ModelServer } from './model-server.js';

/** The stores that the suites run on: the embedded defaults, and real servers where the environment names them. */
export type Stores = 'embedded' | 'servers';

export const stores: readonly Stores[] = [
  ...(withEmbedded() ? ['embedded' as const] : []),
  ...(testServerUrl() === undefined ? [] : ['servers' as const]),
];

export interface TestApp {
  /** As `http://localhost:49152`. */
  readonly url: string;
  readonly model: ModelServer;
  readonly database: App['adapters']['database'];
  /** What was logged, a parsed line each. */
  readonly logged: readonly Readonly<Record<string, unknown>>[];
  /** Ends the service as a SIGTERM does, and starts another one on the same data. */
  restart(): Promise<TestApp>;
  close(): Promise<void>;
}

export interface TestAppOptions {
  readonly stores?: Stores;
  readonly settings?: Environment;
}

/** Limits that a suite does not mean to meet. */
const ROOMY: Environment = {
  RATE_LIMIT_LOGIN: '1000/60',
  RATE_LIMIT_LOGIN_CLIENT: '10000/60',
  RATE_LIMIT_CHAT: '1000/60',
  RATE_LIMIT_MESSAGE: '1000/60',
  RATE_LIMIT_CODE_ADDRESS: '1000/60',
  RATE_LIMIT_CODE_CLIENT: '1000/60',
  RATE_LIMIT_PROVIDER_LOGIN: '1000/60',
};

/**
 * The whole service in this process, on a port of its own, with a model server on a socket. Rate limits are out of the way
 * unless `settings` set them.
 */
export async function startTestApp({ stores: on = 'embedded', settings = {} }: TestAppOptions = {}): Promise<TestApp> {
  const resources = new AsyncDisposableStack();
  try {
    return await startOn(on, settings, resources);
  } catch (error) {
    await resources.disposeAsync();
    throw error;
  }
}

async function startOn(on: Stores, settings: Environment, resources: AsyncDisposableStack): Promise<TestApp> {
  const dataDirectory = await mkdtemp(join(tmpdir(), 'flynkle-test-'));
  resources.defer(() => rm(dataDirectory, { recursive: true, force: true }));
  if (on === 'embedded') await fillDataDirectory(dataDirectory);
  const server = on === 'servers' ? testServerUrl() : undefined;
  const postgres = server === undefined ? undefined : await createDatabase(server);
  if (postgres !== undefined) resources.defer(() => postgres.drop());
  const model = await startModelServer();
  resources.defer(() => model.close());
  const environment: Environment = {
    ...ROOMY,
    NODE_ENV: 'test',
    PORT: '0',
    HOST: '127.0.0.1',
    DATA_DIR: dataDirectory,
    DATABASE_URL: postgres?.url,
    REDIS_URL: on === 'servers' ? process.env['TEST_REDIS_URL'] : undefined,
    OPENAI_BASE_URL: model.url,
    OPENAI_API_KEY: 'test-key',
    ...(on === 'servers' ? s3Settings() : {}),
    ...settings,
  };
  return run(environment, model, resources);
}

async function run(environment: Environment, model: ModelServer, resources: AsyncDisposableStack): Promise<TestApp> {
  const logged: Readonly<Record<string, unknown>>[] = [];
  const log = pino({ level: 'info' }, { write: (line) => logged.push(JSON.parse(line) as Record<string, unknown>) });
  const app = await startApp(readConfig(environment), log);
  return {
    url: app.url,
    model,
    database: app.adapters.database,
    logged,
    async restart() {
      await app.close();
      return run(environment, model, resources);
    },
    async close() {
      await app.close();
      await resources.disposeAsync();
    },
  };
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
