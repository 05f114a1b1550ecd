import type { Sql } from './database.js';

/** Where jobs are, in tables of their own, of the main database. */
export const JOBS_SCHEMA = 'jobs';

/**
 * How much a job matters. A `needed` one is tried for about ten minutes, each failure is logged, and what is given up is among
 * {@link DeadJobs}; a `welcome` one is tried for about a minute, and that it is given up is logged.
 */
export type JobImportance = 'needed' | 'welcome';

/** Background work that may fail and is retried. */
export interface JobQueue {
  /**
   * Stores a job. Once this resolves, the job will run even if this process ends.
   * @param sql the transaction of the act that the job is about, so that there is neither without the other; the queue must
   * have been opened
   */
  add(queue: string, data: object, sql?: Sql): Promise<void>;
  /** Makes a queue, if there is none: inside a transaction it could not be. */
  open(queue: string, importance?: JobImportance): Promise<void>;
  /**
   * Takes jobs from a queue, on each instance that calls this, once {@link begin} was; to be called once a queue. They are begun in the order in which
   * they were added, up to `concurrency` at once. A job may be done twice: when an instance is cut off between doing it and
   * saying so. A handler that throws is called again, at growing intervals, until the job is given up: when that is depends on
   * the {@link JobImportance} that the queue was opened with.
   * @param concurrency 5 by default; with 1, one after the other
   */
  work(queue: string, handle: (data: unknown) => Promise<void>, concurrency?: number): Promise<void>;
  /** Begins to take jobs. Apart from {@link work}, so that a start need not wait until all queues have been looked into. */
  begin(): Promise<void>;
  /** Takes no more jobs; those that are added from then on are left to others. Resolves when the running ones are over. */
  rest(): Promise<void>;
}

/** A job that was given up after its last try. */
export interface DeadJob {
  readonly id: string;
  readonly queue: string;
  readonly data: unknown;
  /** The message of the error that the last try ended with. */
  readonly reason: string;
  readonly tries: number;
  readonly addedAt: Date;
  readonly failedAt: Date;
}

/** The jobs that were given up in the last two weeks. */
export interface DeadJobs {
  /** The latest first. @param after the id of the job before the first; null for the latest */
  dead(page: {
    readonly after: string | null;
    readonly offset: number;
    readonly size: number;
  }): Promise<readonly DeadJob[]>;
  /** @param queue those of one queue; of all by default */
  countDead(queue?: string): Promise<number>;
  /** The job of this id; null when there is none, or it was taken. */
  findDead(id: string): Promise<DeadJob | null>;
  /**
   * Takes jobs off the list for good: of calls at once, each job is taken by one.
   * @param which by their ids, or the longest dead of a queue, `size` at most
   * @param sql the transaction of what becomes of them
   */
  takeDead(which: DeadChoice, sql: Sql): Promise<readonly DeadJob[]>;
}

export type DeadChoice = { readonly ids: readonly string[] } | { readonly queue: string; readonly size: number };
