/** Background work that may fail and is retried. */
export interface JobQueue {
  /** Stores a job. Once this resolves, the job will run even if this process ends. */
  add(queue: string, data: object): Promise<void>;
  /**
   * Takes jobs from a queue, on each instance that calls this, one after the other in the order in which they were added; to
   * be called once a queue. A job may be done twice: when an instance is cut off between doing it and saying so. A handler
   * that throws is called again, at growing intervals for about ten minutes; then the job is dropped.
   */
  work(queue: string, handle: (data: unknown) => Promise<void>): Promise<void>;
}
