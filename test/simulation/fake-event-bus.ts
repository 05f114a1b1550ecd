import { AsyncQueue } from '../../src/adapters/memory/async-queue.js';
import type { EventBus } from '../../src/ports/event-bus.js';
import { FakeServer } from './fake-server.js';
import type { Host } from './virtual-time.js';

const COMMAND_MS = 200;
const RETRY_MS = 500;
const MAX_QUEUED = 1_000;

interface Subscriber {
  readonly topic: string;
  readonly host: Host;
  readonly queue: AsyncQueue<unknown>;
}

export class FakeEventBus extends FakeServer {
  readonly #subscribers = new Set<Subscriber>();

  connect(host: Host): EventBus {
    return {
      publish: (topic, events) => {
        this.#publish(host, topic, events);
      },
      subscribe: <Event>(topic: string, signal: AbortSignal) =>
        this.call(host, { limit: COMMAND_MS }, () => {
          const queue = new AsyncQueue<Event>(signal, MAX_QUEUED, () => {
            this.#subscribers.delete(subscriber);
          });
          const subscriber: Subscriber = { topic, host, queue: queue as AsyncQueue<unknown> };
          this.#subscribers.add(subscriber);
          return queue;
        }),
      close: () => Promise.resolve(),
    };
  }

  #publish(host: Host, topic: string, events: readonly unknown[]): void {
    if (!this.reaches(host)) {
      host.timers.after(RETRY_MS, () => {
        this.#publish(host, topic, events);
      });
      return;
    }
    for (const subscriber of this.#subscribers) {
      if (subscriber.topic !== topic || !this.reaches(subscriber.host)) continue;
      subscriber.host.reach(this.travel(), () => {
        for (const event of events) subscriber.queue.push(event);
      });
    }
  }
}
