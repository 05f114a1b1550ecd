import { PUSH, takerOf, type Feed, type Receiver } from '../../../kernel/pushed.js';
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
  readonly #readers = new Set<Pushed>();
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
    for (let sequence = after + 1; sequence <= this.#last; sequence++) events.push(this.at(sequence));
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
  follow(after: number, signal: AbortSignal): FollowedReply {
    return new FollowedReply(this, after, signal);
  }

  /** Tells a reader of each change. @returns ends that */
  tell(reader: Pushed): () => void {
    this.#readers.add(reader);
    return () => this.#readers.delete(reader);
  }

  /** Resolves with the next change. */
  get changed(): Promise<void> {
    return this.#changed;
  }

  /** Has whoever waits for a change look again. */
  wake(): void {
    this.#notify();
  }

  get isClosed(): boolean {
    return this.#closed;
  }

  /** The event with a number. @throws Error where there is none */
  at(sequence: number): SequencedReplyEvent {
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
    for (const reader of this.#readers) reader.push();
  }
}

/** Someone who is told that there may be more. */
interface Pushed {
  push(): void;
}

/**
 * A reply as one reader follows it. A class with all that a reader has between the reply and its door, since there is one for each of
 * many readers: what an event has to fetch from memory for it is most of what it costs.
 */
class FollowedReply implements AsyncIterable<SequencedReplyEvent>, Feed, Pushed {
  private isWanted = false;
  private isOver = false;
  private ended = false;
  private receiver: Receiver<SequencedReplyEvent> | undefined;
  private taker: Receiver<SequencedReplyEvent> | undefined;
  private leave: (() => void) | undefined;

  constructor(
    private readonly events: ReplyEvents,
    private last: number,
    private readonly signal: AbortSignal,
  ) {}

  /** The number of the last event that was given; at first, of that after which it begins. */
  get seen(): number {
    return this.last;
  }

  /** Whether that was the last event of the reply. */
  get isWhole(): boolean {
    return this.ended;
  }

  [PUSH](receiver: Receiver<SequencedReplyEvent>): Feed {
    this.receiver = receiver;
    this.leave = this.events.tell(this);
    this.signal.addEventListener('abort', this, { once: true });
    return this;
  }

  resume(): void {
    if (this.receiver !== undefined) this.taker ??= takerOf(this.receiver);
    this.isWanted = true;
    if (this.signal.aborted) this.end();
    else this.push();
  }

  stop(): void {
    this.isOver = true;
    this.leave?.();
    this.signal.removeEventListener('abort', this);
  }

  /** The signal aborts. */
  handleEvent(): void {
    this.end();
  }

  push(): void {
    const { events, taker } = this;
    while (this.isWanted && !this.isOver && taker !== undefined) {
      if (this.last >= events.shown) {
        if (events.isClosed) this.end();
        return;
      }
      const event = events.at(++this.last);
      // Also when it throws, it is told no more.
      this.isWanted = false;
      this.isWanted = taker.take(event);
      if (endsReply(event)) {
        this.ended = true;
        this.end();
      }
    }
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<SequencedReplyEvent, void, undefined> {
    const { events, signal } = this;
    const wake = () => {
      events.wake();
    };
    signal.addEventListener('abort', wake, { once: true });
    try {
      while (!signal.aborted) {
        if (this.last < events.shown) {
          const event = events.at(++this.last);
          this.ended = endsReply(event);
          yield event;
          if (this.ended) return;
        } else if (events.isClosed) return;
        else await events.changed;
      }
    } finally {
      signal.removeEventListener('abort', wake);
    }
  }

  private end(): void {
    if (this.isOver) return;
    this.stop();
    this.receiver?.end();
  }
}
