import { PUSH, type Feed, type Receiver } from '../../../kernel/pushed.js';
import { contentEvents, eventCount, type GrowingTranscript } from '../messages/reply-transcript.js';
import { endsReply, type ReplyEvent, type SequencedReplyEvent } from './reply.js';

/** Events that are kept as such, at most: those that readers have just been shown, or are about to be. */
const RECENT = 16;

/**
 * The events of a reply in the memory of the instance that writes it, for any number of readers at any point. Readers get an
 * event once it is shown: what is made is kept back until it is kept in more than this memory.
 *
 * The latest events are there as objects, which all readers share. Older ones are made again of the transcript, in which an event
 * takes little more than its text.
 */
export class ReplyEvents {
  readonly #transcript: GrowingTranscript;
  readonly #recent: SequencedReplyEvent[] = [];
  /** For readers that are further behind, as long as there are any. */
  #older: WeakRef<readonly SequencedReplyEvent[]> | undefined;
  #last: number;
  #shown: number;
  #closed = false;
  /** Those who are told of each change. */
  readonly #readers = new Set<() => void>();
  #wake: () => void = () => undefined;
  #changed: Promise<void> = this.#next();

  /** @param transcript what readers were shown before, in earlier rounds of the reply. It grows by what is added here. */
  constructor(transcript: GrowingTranscript) {
    this.#transcript = transcript;
    this.#last = eventCount(transcript);
    this.#shown = this.#last;
  }

  /** The number of the last event. */
  get last(): number {
    return this.#last;
  }

  /** The number of the last event that readers may see. */
  get shown(): number {
    return this.#shown;
  }

  /** The events after number `after`. */
  after(after: number): readonly SequencedReplyEvent[] {
    const events: SequencedReplyEvent[] = [];
    for (let sequence = after + 1; sequence <= this.#last; sequence++) events.push(this.#event(sequence));
    return events;
  }

  /** @param event gets the next number */
  add(event: ReplyEvent): void {
    if (!endsReply(event)) this.#transcript.add(event);
    this.#recent.push({ ...event, sequence: ++this.#last });
    if (this.#recent.length > RECENT) this.#recent.splice(0, RECENT / 2);
  }

  /** Shows the events up to a number; none is hidden again. */
  show(upTo: number): void {
    if (upTo <= this.#shown) return;
    this.#shown = Math.min(upTo, this.#last);
    this.#notify();
  }

  /** No more events are shown: readers that wait go on elsewhere. */
  close(): void {
    this.#closed = true;
    this.#notify();
  }

  /** Ends after the last event of the reply, or when there is nothing more to come from here. */
  follow(after: number, signal: AbortSignal): AsyncIterable<SequencedReplyEvent> {
    return Object.assign(
      { [Symbol.asyncIterator]: () => this.#pulled(after, signal) },
      { [PUSH]: (receiver: Receiver<SequencedReplyEvent>) => this.#pushed(after, signal, receiver) },
    );
  }

  #pushed(after: number, signal: AbortSignal, receiver: Receiver<SequencedReplyEvent>): Feed {
    let seen = after;
    let isWanted = false;
    let isOver = false;
    const stop = () => {
      isOver = true;
      this.#readers.delete(push);
      signal.removeEventListener('abort', end);
    };
    const end = () => {
      if (isOver) return;
      stop();
      receiver.end();
    };
    const push = () => {
      while (isWanted && !isOver) {
        const event = seen < this.#shown ? this.#event(seen + 1) : undefined;
        if (event === undefined) {
          if (this.#closed) end();
          return;
        }
        seen++;
        // Also when it throws, it is told no more.
        isWanted = false;
        isWanted = receiver.take(event);
        if (endsReply(event)) end();
      }
    };
    this.#readers.add(push);
    signal.addEventListener('abort', end, { once: true });
    return {
      resume() {
        isWanted = true;
        if (signal.aborted) end();
        else push();
      },
      stop,
    };
  }

  async *#pulled(after: number, signal: AbortSignal): AsyncGenerator<SequencedReplyEvent, void, undefined> {
    const wake = () => {
      this.#notify();
    };
    signal.addEventListener('abort', wake, { once: true });
    try {
      for (let seen = after; !signal.aborted;) {
        const event = seen < this.#shown ? this.#event(seen + 1) : undefined;
        if (event !== undefined) {
          seen++;
          yield event;
          if (endsReply(event)) return;
        } else if (this.#closed) return;
        else await this.#changed;
      }
    } finally {
      signal.removeEventListener('abort', wake);
    }
  }

  #event(sequence: number): SequencedReplyEvent {
    const place = sequence - 1 - (this.#last - this.#recent.length);
    const event = place >= 0 ? this.#recent[place] : (this.#older?.deref() ?? [])[sequence - 1];
    return event ?? this.#madeAgain(sequence);
  }

  #madeAgain(sequence: number): SequencedReplyEvent {
    const events = contentEvents(this.#transcript).map((event, index) => ({ ...event, sequence: index + 1 }));
    this.#older = new WeakRef(events);
    const event = events[sequence - 1];
    if (event === undefined) throw new Error(`a reply has no event ${sequence}`);
    return event;
  }

  #next(): Promise<void> {
    return new Promise((resolve) => (this.#wake = resolve));
  }

  #notify(): void {
    const wake = this.#wake;
    this.#changed = this.#next();
    wake();
    for (const push of this.#readers) push();
  }
}
