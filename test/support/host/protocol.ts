import type { Environment } from '../../../src/config.js';
import type { Rows } from '../../../src/ports/database.js';
import type { Secret } from '../secrets/secret-search.js';
import type { HostSecrets } from '../secrets/suite-secrets.js';
import type { Stores } from '../servers.js';

export interface StartOptions {
  readonly stores: Stores;
  readonly settings: Environment;
  /** ../cheap-passwords.ts */
  readonly passwords?: 'cheap' | 'as shipped';
  /** The port of the suite's model server. */
  readonly modelPort: number;
}

export interface StartedService {
  readonly id: string;
  /** As `http://127.0.0.1:49152`. */
  readonly url: string;
  /** The process that the service runs in. */
  readonly pid: number;
  /** The file that it logs to, a line of JSON each. A line is in it before the answer that it is about is sent. */
  readonly logFile: string;
}

/** What a suite may ask of the host of its worker. Values travel as `v8.serialize` writes them. */
export interface Host {
  startService(options: StartOptions): Promise<StartedService>;
  /** Ends the service as a SIGTERM does, and starts another one on the same data. */
  restartService(id: string): Promise<StartedService>;
  /** The suite is done with the service: another suite may have it. */
  releaseService(id: string): Promise<void>;
  query(id: string, text: string, values?: readonly unknown[]): Promise<Rows<unknown>>;
  /** Queries of the service so far, but for those in transactions. */
  queryCount(id: string): Promise<number>;
  /** Bytes on the heap of the process that the services run in, after garbage was collected. */
  heapUsed(): Promise<number>;
  /** A migrated, empty PGlite in memory that speaks PostgreSQL's protocol on a port, to one connection. */
  openDatabase(): Promise<{ readonly port: number }>;
  closeDatabase(port: number): Promise<void>;
  /** Closes what the suite has left open, and looks for secrets in all that its services have logged. */
  endSuite(secrets: readonly Secret[]): Promise<HostSecrets>;
}

export type HostAnswer = { readonly value: unknown } | { readonly error: Readonly<Record<string, unknown>> };

/** Names the suite that calls, since what an earlier one left behind goes when the next one comes. */
export const SUITE_HEADER = 'x-suite';
