import { PgBoss, type Db, type JobWithMetadata, type QueueResult } from 'pg-boss';
import type { Log } from '../../kernel/log.js';
import { inTurn } from '../../kernel/in-turn.js';
import { currentRequestId, duringRequest } from '../../kernel/request-scope.js';
import { untilStep } from '../../kernel/timers.js';
import type { Database, Sql } from '../../ports/database.js';
import type { QueueFigures } from '../../ports/metrics.js';
import type { TraceContext, Tracing } from '../../ports/tracing.js';
import {
  JOBS_SCHEMA,
  type DeadChoice,
  type DeadJob,
  type DeadJobs,
  type JobImportance,
  type JobQueue,
} from '../../ports/job-queue.js';

/** pg-boss's own tables, which it makes and migrates itself. */
const SCHEMA = JOBS_SCHEMA;
/** Between looks for jobs of other instances and for retries that are due; own jobs start at once. */
const POLL_SECONDS = 2;
/** Workers are woken when there is something: they look by themselves no more often than they must. */
const WORKER_POLL_SECONDS = 3_600;
/** A job whose instance is gone is restarted after this, at most one check of each {@link SUPERVISION_SECONDS} later. */
const HEARTBEAT_SECONDS = 10;
const SUPERVISION_SECONDS = 10;
/** Between looks for what else is to be maintained; of all instances, one does it every {@link CLEANING_SECONDS}. */
const MAINTENANCE_SECONDS = 60;
const CLEANING_SECONDS = 600;
/** Tries to make the tables in all, of instances that start at once. */
const MAX_STARTS = 3;
/** Jobs of a queue at once: one whose server is silent does not hold up the others. */
const CONCURRENCY = 5;
/** For what is still running when {@link PgBossJobQueue.rest} was given up: pg-boss allows no less. */
const CLOSE_MS = 1_000;
/** When a job of a transaction is looked for: it can be seen once the transaction is over, or else at the next poll. */
const COMMIT_MS = 50;

/** Where pg-boss puts what it gives up, with the error of the last try; nobody works there. */
const DEAD_QUEUE = 'dead';
const DEAD = { retentionSeconds: 14 * 86_400, deleteAfterSeconds: 60 } as const;

const EACH_QUEUE = {
  retryDelay: 1,
  retryBackoff: true,
  retryDelayMax: 60,
  heartbeatSeconds: HEARTBEAT_SECONDS,
  expireInSeconds: 60,
  /** Finished jobs contain personal data and are no longer needed: deleted at the next run of {@link CLEANING_SECONDS}. */
  deleteAfterSeconds: 60,
  retentionSeconds: 3_600,
} as const;

/** Retries are 1, 2, 4, … 60 s apart. */
const QUEUES = {
  /** Some ten minutes in all. */
  needed: { ...EACH_QUEUE, deadLetter: DEAD_QUEUE, retryLimit: 14 },
  /** Some minute in all. */
  welcome: { ...EACH_QUEUE, retryLimit: 6 },
} as const satisfies Record<JobImportance, object>;

type QueueOptions = (typeof QUEUES)[JobImportance] | typeof DEAD;

export interface PgBossJobQueueOptions {
  readonly database: Database & { readonly embedded: boolean };
  readonly log: Log;
  /** Seconds between polls for jobs it was not notified of. {@link POLL_SECONDS} by default. */
  readonly pollSeconds?: number;
  /** False for a process that only adds jobs: the maintenance is left to the service. */
  readonly maintains?: boolean;
  /** Is told of each job as a part of the work that added it, on whichever instance. */
  readonly tracing?: Tracing | undefined;
}

/** The key, in the data of a job as it is stored, of what is known of the work that added it. */
const ORIGIN = 'origin';

/** The trace and the request that a job belongs to. */
interface Origin extends TraceContext {
  readonly requestId?: string | undefined;
}

const DEAD_COLUMNS = `id, source_name AS queue, data - '${ORIGIN}' AS data, coalesce(source_output->>'message', 'not known') AS reason,
  source_retry_count + 1 AS tries, source_created_on AS "addedAt", created_on AS "failedAt"`;

/** Whether queues have a job that is due, or one whose instance is gone: pg-boss's own conditions, for all of them at once. */
const LOOK = `SELECT queue,
    EXISTS (SELECT FROM ${SCHEMA}.job j
      WHERE j.name = queue AND j.state < 'active' AND NOT j.blocked AND j.start_after <= ${SCHEMA}.job_now()) AS "isDue",
    EXISTS (SELECT FROM ${SCHEMA}.job j WHERE j.name = queue AND j.state = 'active'
      AND (j.heartbeat_on + j.heartbeat_seconds * interval '1s' < ${SCHEMA}.job_now()
        OR j.started_on + j.expire_seconds * interval '1s' < ${SCHEMA}.job_now())) AS "isLost"
  FROM unnest($1::text[]) AS queue`;

/** A worker of a queue, which does one job at a time. */
interface Worker {
  readonly id: string;
  isBusy: boolean;
}

/** Jobs in the main database, by `pg-boss`: no other server to run, and no job without its data. */
export class PgBossJobQueue implements JobQueue, DeadJobs {
  readonly #log: Log;
  readonly #database: Database;
  readonly #boss: PgBoss;
  readonly #pollSeconds: number;
  readonly #tracing: Tracing | undefined;
  /** The workers of each queue, of which an idle one is notified of a new job before its next poll. */
  readonly #workers = new Map<string, Worker[]>();
  readonly #known = new Map<string, JobImportance>();
  /** The queues as they were when this was opened. */
  #present: ReadonlyMap<string, QueueResult> = new Map();
  /** Starts the workers of queues, once {@link begin} is called. */
  #starting: (() => Promise<void>)[] | undefined = [];
  /** Id of a running job -> its queue. */
  readonly #running = new Map<string, string>();
  readonly #maintains: boolean;
  #timer: NodeJS.Timeout | undefined;
  /** The look that is under way, or the last one. */
  #looking: Promise<void> = Promise.resolve();
  #isClosed = false;
  /** When there was a check for what is to be maintained. */
  #supervisedAt = performance.now();
  #isFailing = false;

  private constructor({ database, log, pollSeconds = POLL_SECONDS, maintains = true, tracing }: PgBossJobQueueOptions) {
    this.#tracing = tracing;
    this.#maintains = maintains;
    this.#log = log;
    this.#database = database;
    this.#pollSeconds = pollSeconds;
    this.#boss = new PgBoss({
      db: statementsOn(database),
      schema: SCHEMA,
      schedule: false,
      // Its own timers ask every few seconds whether there is something to do, one statement for each kind: `#look` asks by one.
      supervise: false,
      // Only for those who list instances: it samples the event loop fifty times a second.
      registerInstance: false,
      monitorIntervalSeconds: SUPERVISION_SECONDS,
      maintenanceIntervalSeconds: CLEANING_SECONDS,
      ...(database.embedded && { backend: 'pglite' as const, monitorVacuum: false }),
    });
    this.#boss.on('error', (error) => {
      this.#noteFailure(error);
    });
  }

  /** Creates its tables if they do not exist: some 0.2 s the first time. */
  static async open(options: PgBossJobQueueOptions): Promise<PgBossJobQueue> {
    for (let left = MAX_STARTS - 1; ; left--) {
      const queue = new PgBossJobQueue(options);
      try {
        await queue.#boss.start();
        const present = await queue.#boss.getQueues();
        queue.#present = new Map(present.map((found) => [found.name, found]));
        await queue.#make(DEAD_QUEUE, DEAD);
        return queue;
      } catch (error) {
        if (left === 0 || !isMadeByAnother(error)) throw error;
      }
    }
  }

  async add(queue: string, data: object, sql?: Sql): Promise<void> {
    const origin: Origin = { ...this.#tracing?.context(), requestId: currentRequestId() };
    const stored = { ...data, [ORIGIN]: origin };
    if (sql === undefined) {
      await this.open(queue);
      await this.#boss.send(queue, stored);
      this.#lookNow(queue);
      return;
    }
    await this.#boss.send(queue, stored, { db: { executeSql: (text, values) => sql.query(text, values) } });
    setTimeout(() => {
      this.#lookNow(queue);
    }, COMMIT_MS).unref();
  }

  async open(queue: string, importance: JobImportance = 'needed'): Promise<void> {
    if (this.#known.has(queue)) return;
    await this.#make(queue, QUEUES[importance]);
    this.#known.set(queue, importance);
  }

  /** To make a queue, or to set what it has already, takes five statements and a lock: most starts find all as it should be. */
  async #make(queue: string, options: QueueOptions): Promise<void> {
    const present = this.#present.get(queue);
    if (present === undefined) await this.#boss.createQueue(queue, options);
    const isAsMade = Object.entries(options).every(([name, value]) => present?.[name as keyof QueueResult] === value);
    // One that an earlier release made, or that another instance has made meanwhile.
    if (!isAsMade) await this.#boss.updateQueue(queue, options);
  }

  async work(queue: string, handle: (data: unknown) => Promise<void>, concurrency = CONCURRENCY): Promise<void> {
    await this.open(queue);
    const start = () => this.#startWorkers(queue, handle, concurrency);
    if (this.#starting === undefined) await start();
    else this.#starting.push(start);
  }

  async begin(): Promise<void> {
    const starting = this.#starting ?? [];
    this.#starting = undefined;
    for (const start of starting) await start();
  }

  async #startWorkers(queue: string, handle: (data: unknown) => Promise<void>, count: number): Promise<void> {
    const workers: Worker[] = [];
    this.#workers.set(queue, workers);
    for (let number = 0; number < count; number++) {
      const worker: Worker = { id: await this.#startWorker(queue, handle, () => worker), isBusy: false };
      workers.push(worker);
    }
    this.#lookLater();
  }

  #startWorker(queue: string, handle: (data: unknown) => Promise<void>, self: () => Worker): Promise<string> {
    return this.#boss.work(
      queue,
      { pollingIntervalSeconds: WORKER_POLL_SECONDS, includeMetadata: true },
      async ([job]: JobWithMetadata[]) => {
        if (job === undefined) return;
        const worker = self();
        worker.isBusy = true;
        this.#running.set(job.id, queue);
        // Where there was one there may be more.
        this.#lookNow(queue);
        try {
          await this.#do(job, handle);
          this.#isFailing = false;
        } finally {
          this.#running.delete(job.id);
          worker.isBusy = false;
          this.#boss.notifyWorker(worker.id);
        }
      },
    );
  }

  #do(job: JobWithMetadata, handle: (data: unknown) => Promise<void>): Promise<void> {
    const { [ORIGIN]: origin = {}, ...data } = job.data as { readonly [ORIGIN]?: Origin };
    return duringRequest(origin.requestId, async () => {
      try {
        await this.#doTraced(job.name, origin, () => handle(data));
      } catch (error) {
        this.#noteFailedJob(job, error);
        throw error;
      }
    });
  }

  #doTraced(name: string, origin: Origin, work: () => Promise<void>): Promise<void> {
    const span = this.#tracing?.receive(`process ${name}`, origin, {
      kind: 'consumer',
      attributes: {
        'messaging.system': 'pg-boss',
        'messaging.operation.type': 'process',
        'messaging.destination.name': name,
      },
    });
    return span === undefined ? work() : span.complete(work);
  }

  #noteFailedJob({ id, name: queue, retryCount, retryLimit }: JobWithMetadata, error: unknown): void {
    const reason = error instanceof Error ? error.message : String(error);
    const tries = retryCount + 1;
    const isNeeded = this.#known.get(queue) === 'needed';
    if (retryCount < retryLimit && !isNeeded) return;
    if (!isNeeded) this.#log.warn({ queue, id, tries, reason }, 'a job that failed is given up');
    else if (retryCount < retryLimit)
      this.#log.warn({ queue, id, tries, reason }, 'a job failed, and will be tried again');
    else this.#log.error({ queue, id, tries, reason }, 'a job failed for the last time, and is given up');
  }

  async findDead(id: string): Promise<DeadJob | null> {
    const { rows } = await this.#database.query<DeadJob>(
      `SELECT ${DEAD_COLUMNS} FROM ${SCHEMA}.job WHERE name = $1 AND id = $2`,
      [DEAD_QUEUE, id],
    );
    return rows[0] ?? null;
  }

  async takeDead(which: DeadChoice, sql: Sql): Promise<readonly DeadJob[]> {
    const { rows } = await sql.query<DeadJob>(
      'ids' in which
        ? `DELETE FROM ${SCHEMA}.job WHERE name = $1 AND id = ANY($2::uuid[]) RETURNING ${DEAD_COLUMNS}`
        : `DELETE FROM ${SCHEMA}.job WHERE name = $1 AND id IN (
             SELECT id FROM ${SCHEMA}.job WHERE name = $1 AND source_name = $2
             ORDER BY created_on, id LIMIT $3 FOR UPDATE SKIP LOCKED)
           RETURNING ${DEAD_COLUMNS}`,
      'ids' in which ? [DEAD_QUEUE, which.ids] : [DEAD_QUEUE, which.queue, which.size],
    );
    return rows;
  }

  async dead({ after, offset, size }: { after: string | null; offset: number; size: number }): Promise<DeadJob[]> {
    const { rows } = await this.#database.query<DeadJob>(
      `SELECT ${DEAD_COLUMNS}
       FROM ${SCHEMA}.job
       WHERE name = $1
         AND ($2::uuid IS NULL OR (created_on, id) < (SELECT created_on, id FROM ${SCHEMA}.job WHERE name = $1 AND id = $2))
       ORDER BY created_on DESC, id DESC LIMIT $3 OFFSET $4`,
      [DEAD_QUEUE, after, size, offset],
    );
    return [...rows];
  }

  async countDead(queue?: string): Promise<number> {
    const { rows } = await this.#database.query<{ count: number }>(
      `SELECT count(*) FROM ${SCHEMA}.job WHERE name = $1 AND ($2::text IS NULL OR source_name = $2)`,
      [DEAD_QUEUE, queue ?? null],
    );
    return rows[0]?.count ?? 0;
  }

  /** What waits, runs and was given up, by queue. */
  async figures(): Promise<readonly QueueFigures[]> {
    const { rows } = await this.#database.query<QueueFigures>(
      `WITH known AS (SELECT name FROM ${SCHEMA}.queue WHERE name <> $1 AND name NOT LIKE '\\_\\_%')
       SELECT known.name AS queue,
         count(*) FILTER (WHERE job.name = known.name AND job.state IN ('created', 'retry')) AS waiting,
         count(*) FILTER (WHERE job.name = known.name AND job.state = 'active') AS running,
         count(*) FILTER (WHERE job.name = $1) AS dead,
         coalesce(extract(epoch FROM now() - min(job.start_after)
           FILTER (WHERE job.name = known.name AND job.state IN ('created', 'retry') AND job.start_after < now())), 0)::float8
           AS "oldestSeconds"
       FROM known LEFT JOIN ${SCHEMA}.job ON job.name = known.name AND job.state < 'completed'
         OR job.name = $1 AND job.source_name = known.name
       GROUP BY known.name ORDER BY known.name`,
      [DEAD_QUEUE],
    );
    return rows;
  }

  async rest(): Promise<void> {
    const queues = [...this.#workers.keys()];
    this.#workers.clear();
    await this.#looking;
    await Promise.all(queues.map((queue) => this.#boss.offWork(queue)));
  }

  /** Cuts jobs off that are still running: another instance, or the next start, does them again. */
  async close(): Promise<void> {
    const jobs = [...this.#running].map(([id, queue]) => ({ queue, id }));
    this.#isClosed = true;
    clearTimeout(this.#timer);
    if (jobs.length > 0) this.#log.warn({ jobs }, 'jobs are cut off by the shutdown, and will be done again');
    await this.#boss.stop({ graceful: true, timeout: CLOSE_MS });
  }

  #lookLater(): void {
    if (this.#timer !== undefined || this.#isClosed) return;
    this.#timer = setTimeout(
      () => {
        this.#looking = inTurn(() => this.#look()).then(() => {
          this.#timer = undefined;
          if (this.#workers.size > 0) this.#lookLater();
        });
      },
      untilStep(this.#pollSeconds * 1_000, performance.now()),
    ).unref();
  }

  /** Wakes a worker of each queue that has something due, which wakes the next one; and has lost jobs done again. */
  async #look(): Promise<void> {
    if (this.#isClosed) return;
    try {
      const { rows } = await this.#database.query<{ queue: string; isDue: boolean; isLost: boolean }>(
        LOOK,
        [[...this.#workers.keys()]],
        'jobs_look',
      );
      for (const { queue, isDue } of rows) if (isDue) this.#lookNow(queue);
      const sinceMs = performance.now() - this.#supervisedAt;
      const isTime = sinceMs >= MAINTENANCE_SECONDS * 1_000;
      const isLost = rows.some((row) => row.isLost) && sinceMs >= SUPERVISION_SECONDS * 1_000;
      if (this.#maintains && (isTime || isLost)) {
        this.#supervisedAt = performance.now();
        await this.#boss.supervise();
      }
      this.#isFailing = false;
    } catch (error) {
      this.#noteFailure(error instanceof Error ? error : new Error(String(error)));
    }
  }

  #lookNow(queue: string): void {
    const worker = this.#workers.get(queue)?.find(({ isBusy }) => !isBusy);
    if (worker !== undefined) this.#boss.notifyWorker(worker.id);
  }

  /** Logs once per outage: looks fail every two seconds, and the database logs its own unavailability. */
  #noteFailure(error: Error): void {
    if (!this.#isFailing) this.#log.warn({ reason: error.message }, 'the job queue cannot look for jobs at present');
    this.#isFailing = true;
  }
}

/** SQLSTATEs for something that is there already: unique_violation of the catalogue, duplicate_table, _object, _schema. */
const ALREADY_THERE = new Set(['23505', '42P07', '42710', '42P06']);

/**
 * Whether another instance has made the tables meanwhile. pg-boss takes a lock, but a session that looked for its schema before
 * that goes on believing that there is none.
 */
function isMadeByAnother(error: unknown): boolean {
  return error instanceof Error && 'code' in error && ALREADY_THERE.has(String(error.code));
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
