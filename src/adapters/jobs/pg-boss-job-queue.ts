import { PgBoss, type Db } from 'pg-boss';
import type { Log } from '../../kernel/log.js';
import type { Database } from '../../ports/database.js';
import type { JobQueue } from '../../ports/job-queue.js';

/** pg-boss's own tables, which it makes and migrates itself. */
const SCHEMA = 'jobs';
/** Polling interval for jobs of other instances and for retries that are due; own jobs start at once. */
const POLL_SECONDS = 2;
/** A job whose instance is gone is restarted after this, at the next check of {@link SUPERVISION_SECONDS}. */
const HEARTBEAT_SECONDS = 10;
const SUPERVISION_SECONDS = 10;
const CLEANING_SECONDS = 600;
const CLOSE_MS = 10_000;

const QUEUE = {
  /** 1, 2, 4, … 60 s apart: some ten minutes in all. */
  retryLimit: 14,
  retryDelay: 1,
  retryBackoff: true,
  retryDelayMax: 60,
  heartbeatSeconds: HEARTBEAT_SECONDS,
  expireInSeconds: 60,
  /** Finished jobs contain personal data and are no longer needed: deleted at the next run of {@link CLEANING_SECONDS}. */
  deleteAfterSeconds: 60,
  retentionSeconds: 3_600,
} as const;

export interface PgBossJobQueueOptions {
  readonly database: Database & { readonly embedded: boolean };
  readonly log: Log;
  /** Seconds between polls for jobs it was not notified of. {@link POLL_SECONDS} by default. */
  readonly pollSeconds?: number;
}

/** Jobs in the main database, by `pg-boss`: no other server to run, and no job without its data. */
export class PgBossJobQueue implements JobQueue {
  readonly #log: Log;
  readonly #boss: PgBoss;
  readonly #pollSeconds: number;
  /** Queue -> the id of its worker, which is notified of a new job before its next poll. */
  readonly #workers = new Map<string, string>();
  readonly #known = new Set<string>();
  #isFailing = false;

  private constructor({ database, log, pollSeconds = POLL_SECONDS }: PgBossJobQueueOptions) {
    this.#log = log;
    this.#pollSeconds = pollSeconds;
    this.#boss = new PgBoss({
      db: statementsOn(database),
      schema: SCHEMA,
      schedule: false,
      superviseIntervalSeconds: SUPERVISION_SECONDS,
      maintenanceIntervalSeconds: CLEANING_SECONDS,
      ...(database.embedded && { backend: 'pglite' as const, monitorVacuum: false }),
    });
    this.#boss.on('error', (error) => {
      this.#noteFailure(error);
    });
  }

  /** Creates its tables if they do not exist: some 0.2 s the first time, 0.1 s later. */
  static async open(options: PgBossJobQueueOptions): Promise<PgBossJobQueue> {
    const queue = new PgBossJobQueue(options);
    await queue.#boss.start();
    return queue;
  }

  async add(queue: string, data: object): Promise<void> {
    await this.#ensureQueue(queue);
    await this.#boss.send(queue, data);
    this.#lookNow(queue);
  }

  async work(queue: string, handle: (data: unknown) => Promise<void>): Promise<void> {
    await this.#ensureQueue(queue);
    const worker = await this.#boss.work<unknown>(
      queue,
      { pollingIntervalSeconds: this.#pollSeconds },
      async ([job]) => {
        if (job === undefined) return;
        // Where there was one there may be more.
        this.#lookNow(queue);
        try {
          await handle(job.data);
          this.#isFailing = false;
        } catch (error) {
          const reason = error instanceof Error ? error.message : String(error);
          this.#log.warn({ queue, reason }, 'a job failed, and will be tried again');
          throw error;
        }
      },
    );
    this.#workers.set(queue, worker);
  }

  /** Takes no more jobs and waits up to ten seconds for running ones; another instance, or the next start, does the rest. */
  async close(): Promise<void> {
    await this.#boss.stop({ graceful: true, timeout: CLOSE_MS });
  }

  #lookNow(queue: string): void {
    const worker = this.#workers.get(queue);
    if (worker !== undefined) this.#boss.notifyWorker(worker);
  }

  async #ensureQueue(queue: string): Promise<void> {
    if (this.#known.has(queue)) return;
    await this.#boss.createQueue(queue, QUEUE);
    this.#known.add(queue);
  }

  /** Logs once per outage: polling fails every two seconds, and the database logs its own unavailability. */
  #noteFailure(error: Error): void {
    if (!this.#isFailing) this.#log.warn({ reason: error.message }, 'the job queue cannot look for jobs at present');
    this.#isFailing = true;
  }
}

/** Scripts contain their own BEGIN: one that fails half-way leaves an open transaction, which must be rolled back. */
const SCRIPT = /^\s*BEGIN\b/i;

/** pg-boss on our connections: on PGlite there is only one. */
function statementsOn(database: Database): Db {
  return {
    executeSql: (text, values) =>
      SCRIPT.test(text) ? database.transaction((sql) => sql.query(text)) : database.query(text, values),
  };
}
