import type { Timers } from '../../../kernel/timers.js';
import type { ContentEvent } from '../messages/reply-transcript.js';
import { DeltaGatherer } from './delta-gatherer.js';

type TextEvent = Extract<ContentEvent, { readonly type: 'delta' | 'reasoning' }>;

/** Gathers the model's text and its reasoning into events, each kind by itself, in the order in which they came. */
export class EventGatherer {
  #type: TextEvent['type'] | undefined;
  #gatherer: DeltaGatherer | undefined;

  /** @param send called with each event, whose text is never empty */
  constructor(
    private readonly send: (event: TextEvent) => void,
    private readonly timers: Timers,
  ) {}

  add(type: TextEvent['type'], text: string): void {
    if (type !== this.#type) {
      this.end();
      this.#type = type;
      this.#gatherer = new DeltaGatherer((gathered) => {
        this.send({ type, text: gathered });
      }, this.timers);
    }
    this.#gatherer?.add(text);
  }

  /** Sends the rest of what was added. */
  end(): void {
    this.#gatherer?.end();
    this.#gatherer = undefined;
    this.#type = undefined;
  }
}
