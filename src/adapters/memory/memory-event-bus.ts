import type { EventBus } from '../../ports/event-bus.js';
import { AsyncQueue } from './async-queue.js';

/** Maximum events that a subscriber may fall behind. */
const MAX_QUEUED = 10_000;

/** The event bus of a single instance. */
export class MemoryEventBus implements EventBus {
  private readonly topics = new Map<string, Set<AsyncQueue<unknown>>>();

  /** Numbers of held items, for tests and metrics. */
  get size(): { readonly topics: number } {
    return { topics: this.topics.size };
  }

  publish(topic: string, events: readonly unknown[]): void {
    const subscribers = [...(this.topics.get(topic) ?? [])];
    for (const event of events) for (const subscriber of subscribers) subscriber.push(event);
  }

  subscribe<Event>(topic: string, signal: AbortSignal): Promise<AsyncIterableIterator<Event>> {
    const subscribers = this.topics.get(topic) ?? new Set();
    this.topics.set(topic, subscribers);
    const subscriber = new AsyncQueue<unknown>(signal, MAX_QUEUED, () => {
      subscribers.delete(subscriber);
      if (subscribers.size === 0 && this.topics.get(topic) === subscribers) this.topics.delete(topic);
    });
    subscribers.add(subscriber);
    if (signal.aborted) subscriber.end();
    return Promise.resolve(subscriber as AsyncIterableIterator<Event>);
  }

  close(): Promise<void> {
    for (const subscribers of [...this.topics.values()]) for (const subscriber of [...subscribers]) subscriber.end();
    return Promise.resolve();
  }
}
