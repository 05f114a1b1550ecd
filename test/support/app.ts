import { readFileSync } from 'node:fs';
import type { Environment } from '../../src/config.js';
import type { Rows } from '../../src/ports/database.js';
import { callHost } from './host/call-host.js';
import type { StartedService } from './host/protocol.js';
import { startModelServer, type ModelServer } from './model-server.js';
import type { Stores } from './servers.js';

export interface TestApp {
  /** As `http://localhost:49152`. */
  readonly url: string;
  /** The process that it runs in. */
  readonly pid: number;
  readonly model: ModelServer;
  readonly database: { query<Row>(text: string, values?: readonly unknown[]): Promise<Rows<Row>> };
  /** What was logged, a parsed line each. */
  readonly logged: readonly LogLine[];
  /** Where that is read from. */
  readonly logFile: string;
  /** How many queries the service has sent outside of transactions, on a pool that other suites may have used. */
  queries(): Promise<number>;
  /** Bytes on the heap of the service's process, after garbage was collected. */
  heapUsed(): Promise<number>;
  /** Ends the service as a SIGTERM does, and starts another one on the same data. */
  restart(): Promise<TestApp>;
  close(): Promise<void>;
}

type LogLine = Readonly<Record<string, unknown>>;

export interface TestAppOptions {
  readonly stores?: Stores;
  readonly settings?: Environment;
  /** `as shipped` where it matters that a hash takes time. */
  readonly passwords?: 'cheap' | 'as shipped';
}

/**
 * The whole service on a port of its own, with a model server of this suite's. It runs in another process, without any users,
 * and may have served an earlier suite with the same settings. Rate limits are out of the way unless `settings` set them.
 */
export async function startTestApp({
  stores = 'embedded',
  settings = {},
  passwords = 'cheap',
}: TestAppOptions = {}): Promise<TestApp> {
  const model = await startModelServer();
  const modelPort = Number(new URL(model.url).port);
  try {
    return testApp(await callHost('startService', { stores, settings, passwords, modelPort }), model);
  } catch (error) {
    await model.close();
    throw error;
  }
}

function testApp({ id, url, pid, logFile }: StartedService, model: ModelServer): TestApp {
  const log = new LogFile(logFile);
  return {
    url,
    pid,
    model,
    database: {
      query: async <Row>(text: string, values?: readonly unknown[]) =>
        (await callHost('query', id, text, values)) as Rows<Row>,
    },
    logFile,
    get logged() {
      return log.lines();
    },
    queries: () => callHost('queryCount', id),
    heapUsed: () => callHost('heapUsed'),
    restart: async () => testApp(await callHost('restartService', id), model),
    async close() {
      await model.close();
      await callHost('releaseService', id);
    },
  };
}

class LogFile {
  readonly #lines: LogLine[] = [];
  #read = 0;

  constructor(private readonly path: string) {}

  lines(): readonly LogLine[] {
    const bytes = readFileSync(this.path).subarray(this.#read);
    this.#read += bytes.length;
    const lines = bytes.toString('utf8').split('\n').slice(0, -1);
    this.#lines.push(...lines.map((line) => JSON.parse(line) as LogLine));
    return this.#lines;
  }
}
