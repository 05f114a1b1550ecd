import { createParser, type EventSourceParser } from 'eventsource-parser';
import { readChunk, type AnswerChunk } from './answer-chunk.js';
import { errorInStream, ProviderFailure } from './provider-failure.js';

/** Maximum characters of one event, or of an answer that is not streamed. */
const MAX_EVENT_LENGTH = 4 * 1024 * 1024;

/** A chunk, or the provider's word that the answer is whole. */
export type AnswerPart = AnswerChunk | 'done';

/** Reads an answer in one of its forms, piece by piece. */
interface Form {
  read(text: string): Iterable<AnswerPart>;
  end(): Iterable<AnswerPart>;
}

/**
 * Reads the answer to a request for a stream. What it is shows in its first character, not in its `Content-Type`, which many
 * servers set wrongly: an object is a whole answer of a server that does not stream, and anything else a stream of events.
 * What it gives is read as it is taken; it throws ProviderFailure for an error that the provider sends, and for what is no answer.
 */
export class AnswerReader {
  #start = '';
  #form: Form | undefined;

  /** @returns the parts that are whole now */
  read(text: string): Iterable<AnswerPart> {
    if (this.#form !== undefined) return this.#form.read(text);
    this.#start += text;
    // A byte order mark counts as space.
    const start = this.#start.trimStart();
    const first = start.charAt(0);
    if (first === '') return [];
    if (first === '<') throw new ProviderFailure('unreadable', { providerMessage: start.slice(0, 500) });
    this.#form = first === '{' || first === '[' ? new WholeAnswer() : new EventAnswer();
    this.#start = '';
    return this.#form.read(start);
  }

  /** @returns the last parts */
  end(): Iterable<AnswerPart> {
    return this.#form?.end() ?? [];
  }
}

class WholeAnswer implements Form {
  #whole = '';

  read(text: string): Iterable<AnswerPart> {
    this.#whole += text;
    if (this.#whole.length > MAX_EVENT_LENGTH) throw new ProviderFailure('unreadable');
    return [];
  }

  end(): Iterable<AnswerPart> {
    const whole = this.#whole;
    const json = parsed(whole);
    const chunk = json === undefined ? null : readChunk(json);
    if (chunk === null) throw new ProviderFailure('unreadable', { providerMessage: whole.slice(0, 500) });
    if (chunk.error != null) throw errorInStream(chunk.error);
    const isAnswer =
      chunk.text !== '' || chunk.toolCalls.length > 0 || chunk.finishReason !== null || chunk.totalTokens !== null;
    if (!isAnswer) throw new ProviderFailure('unreadable', { providerMessage: whole.slice(0, 500) });
    return [chunk, 'done'];
  }
}

class EventAnswer implements Form {
  #waiting: { readonly name: string | undefined; readonly data: string }[] = [];
  #isTooLong = false;
  #unreadable: string | undefined;
  #isOver = false;
  readonly #parser: EventSourceParser = createParser({
    maxBufferSize: MAX_EVENT_LENGTH,
    onEvent: ({ event: name, data }) => this.#waiting.push({ name, data }),
    onError: ({ type, field, value = '' }) => {
      if (type === 'max-buffer-size-exceeded') this.#isTooLong = true;
      // Older servers of llama.cpp send an error as a field of its own.
      if (type === 'unknown-field' && field === 'error') this.#waiting.push({ name: 'error', data: value });
    },
  });

  *read(text: string): Iterable<AnswerPart> {
    this.#parser.feed(text);
    yield* this.#take();
    if (this.#isTooLong) throw new ProviderFailure('unreadable');
  }

  *end(): Iterable<AnswerPart> {
    // The last event may lack the empty line that ends it; half an event is a cut.
    this.#isOver = true;
    this.#parser.feed('\n\n');
    yield* this.#take();
    if (this.#unreadable !== undefined) throw new ProviderFailure('unreadable', { providerMessage: this.#unreadable });
  }

  *#take(): Iterable<AnswerPart> {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const { name, data } of waiting) {
      const text = data.trim();
      if (text === '[DONE]') {
        yield 'done';
        continue;
      }
      const json = parsed(text);
      const chunk = json === undefined ? null : readChunk(json);
      if (name === 'error') throw errorInStream(chunk?.error ?? json ?? text);
      if (chunk?.error != null) throw errorInStream(chunk.error);
      if (chunk !== null) yield chunk;
      else if (text !== '' && !this.#isOver) this.#unreadable ??= text.slice(0, 500);
    }
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}
