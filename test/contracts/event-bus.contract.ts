import { randomUUID } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { EventBus } from '../../src/ports/event-bus.js';

interface OpenedEventBus {
  readonly bus: EventBus;
  /** Number of topics that the bus still holds subscribers of. */
  topics(): number;
  close(): Promise<void>;
}

const FOREVER = new AbortController().signal;
const upTo = (count: number) => Array.from({ length: count }, (_, index) => index + 1);

export async function takeEvents<Event>(events: AsyncIterator<Event>, count: number): Promise<Event[]> {
  const taken: Event[] = [];
  while (taken.length < count) {
    const result = await events.next();
    if (result.done === true) throw new Error(`ended after ${taken.length} of ${count} events`);
    taken.push(result.value);
  }
  return taken;
}

/** The contract of every event bus. */
export function eventBusContract(name: string, open: () => Promise<OpenedEventBus>): void {
  describe(`the event bus port, by ${name}`, () => {
    let opened: OpenedEventBus;
    let bus: EventBus;
    let topic: string;
    beforeEach(async () => {
      opened = await open();
      bus = opened.bus;
      topic = randomUUID();
    });
    afterEach(() => opened.close());

    it('brings each subscriber what is published from now on, once and in order', async () => {
      bus.publish(topic, ['before']);
      const witness = await bus.subscribe(topic, FOREVER);
      bus.publish(topic, ['settled']);
      const seen = await takeEvents(witness, 1);
      if (seen[0] === 'before') await takeEvents(witness, 1);
      const subscribers = await Promise.all(upTo(10).map(() => bus.subscribe(topic, FOREVER)));
      for (const number of upTo(100)) bus.publish(topic, [number, -number]);
      const expected = upTo(100).flatMap((number) => [number, -number]);
      for (const subscriber of [witness, ...subscribers]) expect(await takeEvents(subscriber, 200)).toEqual(expected);
    });

    it('keeps topics apart', async () => {
      const mine = await bus.subscribe(topic, FOREVER);
      bus.publish(randomUUID(), ['not mine']);
      bus.publish(topic, []);
      bus.publish(topic, ['mine']);
      expect(await takeEvents(mine, 1)).toEqual(['mine']);
    });

    it('gives events back as they were', async () => {
      const events = [{ text: 'Größe 😀\u0000\n"', nested: { list: [1, null, true] } }, '', 0, null, []];
      const subscriber = await bus.subscribe(topic, FOREVER);
      bus.publish(topic, events);
      expect(await takeEvents(subscriber, events.length)).toEqual(events);
    });

    it('ends a waiting subscriber when its signal aborts, and no other', async () => {
      const controller = new AbortController();
      const subscriber = await bus.subscribe(topic, controller.signal);
      const other = await bus.subscribe(topic, FOREVER);
      const waiting = subscriber.next();
      controller.abort();
      expect(await waiting).toEqual({ done: true, value: undefined });
      bus.publish(topic, ['still here']);
      expect(await takeEvents(other, 1)).toEqual(['still here']);
      await other.return?.();
      expect(opened.topics()).toBe(0);
    });

    it('ends at once a subscriber whose signal has aborted already', async () => {
      const subscriber = await bus.subscribe(topic, AbortSignal.abort());
      expect(await subscriber.next()).toEqual({ done: true, value: undefined });
      expect(opened.topics()).toBe(0);
    });

    it('ends its subscribers when it closes', async () => {
      const subscriber = await bus.subscribe(topic, FOREVER);
      const waiting = subscriber.next();
      await bus.close();
      expect(await waiting).toEqual({ done: true, value: undefined });
    });
  });
}
