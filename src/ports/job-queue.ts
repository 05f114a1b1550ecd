/** What is done after the answer, once a job: work that may fail and is tried again. */
export interface JobQueue {
  /** Stores a job. When this resolves, the job is done even if the process ends here and now. */
  add(queue: string, data: object): Promise<void>;
  /**
   * Takes jobs from a queue, on each instance that calls this, one after the other in the order in which they were added; to
   * be called once a queue. A job may be done twice: when an instance is cut off between doing it and saying so. A handler
   * that throws is called again, at growing distances for some ten minutes; then the job is given up.
   */
  work(queue: string, handle: (data: unknown) => Promise<void>): Promise<void>;
}
