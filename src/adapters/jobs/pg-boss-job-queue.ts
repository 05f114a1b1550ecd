import { PgBoss, type Db } from 'pg-boss';
import type { Log } from '../../kernel/log.js';
import type { Database } from '../../ports/database.js';
import type { JobQueue } from '../../ports/job-queue.js';

/** pg-boss's own tables, which it makes and migrates itself. */
const SCHEMA = 'jobs';
/** How often an instance looks for jobs of other instances and for those whose time has come; its own start at once. */
const POLL_SECONDS = 2;
/** A job whose instance is gone is begun anew after this, at the next look of {@link SUPERVISION_SECONDS}. */
const HEARTBEAT_SECONDS = 10;
const SUPERVISION_SECONDS = 10;
const CLEANING_SECONDS = 600;
const CLOSE_MILLISECONDS = 10_000;

const QUEUE = {
  /** 1, 2, 4, … 60 s apart: some ten minutes in all. */
  retryLimit: 14,
  retryDelay: 1,
  retryBackoff: true,
  retryDelayMax: 60,
  heartbeatSeconds: HEARTBEAT_SECONDS,
  expireInSeconds: 60,
  /** Done jobs are of no use, and name the people they were for: gone at the next look of {@link CLEANING_SECONDS}. */
  deleteAfterSeconds: 60,
  retentionSeconds: 3_600,
} as const;

export interface PgBossJobQueueOptions {
  readonly database: Database & { readonly embedded: boolean };
  readonly log: Log;
}

/** Jobs in the database that everything else is in, by `pg-boss`: nothing more to run, and no job without its data. */
export class PgBossJobQueue implements JobQueue {
  readonly #log: Log;
  readonly #boss: PgBoss;
  /** Queue -> what is told of a new job, so that it need not wait for the next look. */
  readonly #workers = new Map<string, string>();
  readonly #known = new Set<string>();
  #isFailing = false;

  private constructor({ database, log }: PgBossJobQueueOptions) {
    this.#log = log;
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

  /** Makes its tables where they are not there yet: some 0.2 s the first time, 0.1 s later. */
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
    const worker = await this.#boss.work<unknown>(queue, { pollingIntervalSeconds: POLL_SECONDS }, async ([job]) => {
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
    });
    this.#workers.set(queue, worker);
  }

  /** Takes no more jobs and lets those in hand end, for ten seconds; another instance, or the next start, has the rest. */
  async close(): Promise<void> {
    await this.#boss.stop({ graceful: true, timeout: CLOSE_MILLISECONDS });
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

  /** Once for a spell: it looks every two seconds, and the database says on its own that it cannot be reached. */
  #noteFailure(error: Error): void {
    if (!this.#isFailing) this.#log.warn({ reason: error.message }, 'the job queue cannot look for jobs at present');
    this.#isFailing = true;
  }
}

/** Scripts bring their own BEGIN: one that fails half-way leaves a connection that is no good until it is rolled back. */
const SCRIPT = /^\s*BEGIN\b/i;

/** pg-boss on our connections: on PGlite there is only one. */
function statementsOn(database: Database): Db {
  return {
    executeSql: (text, values) =>
      SCRIPT.test(text) ? database.transaction((sql) => sql.query(text)) : database.query(text, values),
  };
}
