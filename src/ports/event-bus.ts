/**
 * News for whoever listens at the moment, on any instance. Each subscriber of a topic gets each piece once; those of one
 * publisher come in the order in which it published them.
 */
export interface EventBus {
  /**
   * Returns at once, and publishes in the background: what an answer told as done has been done, whether or not the news of
   * it can be spread now. While the bus cannot be reached it is tried again, for some minutes.
   */
  publish(topic: string, events: readonly unknown[]): void;
  /**
   * What is published from now on, until the reader stops or `signal` aborts. It is live when the promise resolves.
   * @throws Unavailable
   */
  subscribe<Event>(topic: string, signal: AbortSignal): Promise<AsyncIterableIterator<Event>>;
  close(): Promise<void>;
}
