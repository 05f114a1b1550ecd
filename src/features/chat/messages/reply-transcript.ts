/** A call of a tool, as the model asks for it. */
export interface ToolCall {
  readonly type: 'tool-call';
  /** Unique in the reply. */
  readonly id: string;
  readonly name: string;
  /** JSON, if the model keeps to it. */
  readonly arguments: string;
  /** The server that the service calls for it; null where the client answers. */
  readonly server: string | null;
}

/** What a tool answered: one of the two is null. */
export interface ToolResult {
  readonly type: 'tool-result';
  readonly callId: string;
  readonly output: string | null;
  readonly error: string | null;
}

/** What the model says and does in a reply, and what comes of it: the events of its stream before the last one. */
export type ContentEvent =
  | { readonly type: 'delta'; readonly text: string }
  /** What the model thinks before it answers: no part of the answer. */
  | { readonly type: 'reasoning'; readonly text: string }
  | ToolCall
  | ToolResult;

/**
 * A stored part of a reply, in the order of its stream. A run of events of one kind is one part: of text, whose deltas end where
 * the reply's `deltaEnds` say, only their number is here; reasoning is stored whole, with the places where its events end.
 */
export type ReplyPart =
  | { readonly type: 'text'; readonly deltas: number }
  | { readonly type: 'reasoning'; readonly text: string; readonly ends: readonly number[] }
  | ToolCall
  | ToolResult;

/** A reply as it is stored. From it, the stream can be made again with the same numbers. */
export interface Transcript {
  readonly text: string;
  /** The length of the text after each delta. */
  readonly deltaEnds: readonly number[];
  /** Null where the reply is text alone. */
  readonly parts: readonly ReplyPart[] | null;
}

export const EMPTY_TRANSCRIPT: Transcript = { text: '', deltaEnds: [], parts: null };

/** How many events are no deltas of text. */
export function otherEventsIn({ parts }: Pick<Transcript, 'parts'>): number {
  return (parts ?? []).reduce((sum, part) => sum + otherEvents(part), 0);
}

function otherEvents(part: ReplyPart): number {
  if (part.type === 'text') return 0;
  return part.type === 'reasoning' ? part.ends.length : 1;
}

export function eventCount(transcript: Transcript): number {
  return transcript.deltaEnds.length + otherEventsIn(transcript);
}

/** Whether there is anything of an answer, thoughts aside. */
export function hasAnswer({ text, parts }: Pick<Transcript, 'text' | 'parts'>): boolean {
  return text !== '' || (parts ?? []).some(({ type }) => type === 'tool-call');
}

/** All that the model wrote, thoughts and calls too, for a count of its tokens. */
export function writtenIn(events: readonly ContentEvent[]): string {
  return events.map(writtenBy).join('');
}

/** What an event has of what the model wrote. */
export function writtenBy(event: ContentEvent): string {
  if (event.type === 'tool-call') return event.name + event.arguments;
  return event.type === 'tool-result' ? '' : event.text;
}

/** What the model thought; null where it told nothing of that. */
export function reasoningIn({ parts }: Pick<Transcript, 'parts'>): string | null {
  if (parts === null) return null;
  const thoughts = parts.flatMap((part) => (part.type === 'reasoning' ? [part.text] : []));
  return thoughts.length === 0 ? null : thoughts.join('\n\n');
}

/** A call, with its result once that has come. */
export interface AnsweredCall {
  readonly call: ToolCall;
  readonly result: ToolResult | null;
}

export function toolCallsIn({ parts }: Pick<Transcript, 'parts'>): readonly AnsweredCall[] {
  if (parts === null) return [];
  const results = new Map(parts.flatMap((part) => (part.type === 'tool-result' ? [[part.callId, part]] : [])));
  return parts.flatMap((call) => (call.type === 'tool-call' ? [{ call, result: results.get(call.id) ?? null }] : []));
}

/** The events of a stored reply, in order: the first has number 1. */
export function contentEvents({ text, deltaEnds, parts }: Transcript): readonly ContentEvent[] {
  const deltas = pieces(text, deltaEnds).map((piece): ContentEvent => ({ type: 'delta', text: piece }));
  if (parts === null) return deltas;
  let taken = 0;
  const events = parts.flatMap((part): readonly ContentEvent[] => {
    if (part.type === 'text') return deltas.slice(taken, (taken += part.deltas));
    if (part.type !== 'reasoning') return [part];
    return pieces(part.text, part.ends).map((piece) => ({ type: 'reasoning', text: piece }));
  });
  return [...events, ...deltas.slice(taken)];
}

/**
 * The rounds of a reply: in each, the model wrote something, perhaps called tools, and got their results. The last one is empty
 * when the model has to go on.
 */
export function roundsOf(transcript: Transcript): readonly (readonly ContentEvent[])[] {
  const rounds: ContentEvent[][] = [[]];
  let isAnswered = false;
  for (const event of contentEvents(transcript)) {
    if (isAnswered && event.type !== 'tool-result') rounds.push([]);
    isAnswered = event.type === 'tool-result';
    rounds.at(-1)?.push(event);
  }
  return isAnswered ? [...rounds, []] : rounds;
}

function pieces(text: string, ends: readonly number[]): readonly string[] {
  return ends.map((end, index) => text.slice(index === 0 ? 0 : ends[index - 1], end));
}

type OpenPart =
  | { readonly type: 'text'; deltas: number }
  | { readonly type: 'reasoning'; text: string; readonly ends: number[] }
  | ToolCall
  | ToolResult;

/** A transcript that grows by its events. */
export class GrowingTranscript {
  #text: string;
  readonly #deltaEnds: number[];
  /** Null while there is nothing but text. */
  #parts: OpenPart[] | null;

  constructor({ text, deltaEnds, parts }: Transcript = EMPTY_TRANSCRIPT) {
    this.#text = text;
    this.#deltaEnds = [...deltaEnds];
    this.#parts = parts?.map(copied) ?? null;
  }

  get text(): string {
    return this.#text;
  }

  get deltaEnds(): readonly number[] {
    return this.#deltaEnds;
  }

  get parts(): readonly ReplyPart[] | null {
    return this.#parts;
  }

  add(event: ContentEvent): void {
    if (event.type === 'delta') this.#addDelta(event.text);
    else if (event.type === 'reasoning') this.#addReasoning(event.text);
    else this.#openParts().push(event);
  }

  /** As it is now. */
  get copy(): Transcript {
    return { text: this.#text, deltaEnds: [...this.#deltaEnds], parts: this.#parts?.map(copied) ?? null };
  }

  #addDelta(text: string): void {
    this.#text += text;
    this.#deltaEnds.push(this.#text.length);
    if (this.#parts === null) return;
    const last = this.#parts.at(-1);
    if (last?.type === 'text') last.deltas++;
    else this.#parts.push({ type: 'text', deltas: 1 });
  }

  #addReasoning(text: string): void {
    const parts = this.#openParts();
    const last = parts.at(-1);
    if (last?.type !== 'reasoning') parts.push({ type: 'reasoning', text, ends: [text.length] });
    else {
      last.text += text;
      last.ends.push(last.text.length);
    }
  }

  #openParts(): OpenPart[] {
    const deltas = this.#deltaEnds.length;
    return (this.#parts ??= deltas === 0 ? [] : [{ type: 'text', deltas }]);
  }
}

function copied(part: ReplyPart): OpenPart {
  return part.type === 'reasoning' ? { ...part, ends: [...part.ends] } : { ...part };
}

/** A transcript with one more run of events. */
export function extended(transcript: Transcript, events: readonly ContentEvent[]): Transcript {
  const growing = new GrowingTranscript(transcript);
  for (const event of events) growing.add(event);
  return growing.copy;
}
