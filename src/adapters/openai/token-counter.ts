import type * as o200kBase from 'gpt-tokenizer/encoding/o200k_base';
import type { ModelMessage, TokenCounter } from '../../ports/language-model.js';

type Encoding = typeof o200kBase;

/**
 * Overhead of the chat format: 3 tokens per message beside role and content, and 3 that prime the answer.
 * @see https://cookbook.openai.com/examples/how_to_count_tokens_with_tiktoken, `num_tokens_from_messages`
 */
const TOKENS_PER_MESSAGE = 3;
const TOKENS_PRIMING_ANSWER = 3;

/** Treats `<|endoftext|>` and other special tokens as plain text; by default the tokenizer throws on them. */
const AS_TEXT = { allowedSpecial: new Set<string>(), disallowedSpecial: new Set<string>() };

/**
 * The tokenizer's time grows with the square of a run without word breaks: 32,000 spaces take 0.5 s, as many Chinese
 * characters 4 s. In slices of this many UTF-16 code units it is at most about 4 ms for 1,000 of them, dense or not.
 */
const SLICE_LENGTH = 512;
/** A longer text is estimated from 64 evenly spread slices: at most about 150 ms, about 5 ms for prose. */
const COUNTED_LENGTH = 64 * SLICE_LENGTH;

/** Used before the tokenizer is loaded. Fits prose in any script, since characters of more bytes take more tokens. */
const ESTIMATED_BYTES_PER_TOKEN = 4;

/**
 * Counts with the `o200k_base` encoding, which OpenAI's models since GPT-4o use; for other models it comes near. The tables
 * take about 0.15 s and 70 MB to load, so that happens once, in the background, at {@link load} or the first count; until
 * then, counts are estimates from the text's length.
 *
 * Exact up to 512 characters and, where words are parted by spaces, up to 32,768; beyond that a sample, scaled up.
 */
export class O200kTokenCounter implements TokenCounter {
  private encoding: Encoding | undefined;
  private readonly importEncoding: () => Promise<Encoding>;
  private loading: Promise<void> | undefined;

  /** @param importEncoding the tokenizer, for tests that look at what it is given */
  constructor(importEncoding: () => Promise<Encoding> = () => import('gpt-tokenizer/encoding/o200k_base')) {
    this.importEncoding = importEncoding;
  }

  /** Resolves when counts are exact. Call it once the service listens. */
  load(): Promise<void> {
    this.loading ??= this.importEncoding().then((encoding) => {
      // The cache keeps pieces of users' texts, each holding on to its whole text; it saves nothing on prose.
      encoding.setMergeCacheSize(0);
      this.encoding = encoding;
    });
    return this.loading;
  }

  countText(text: string): number {
    if (this.encoding === undefined) {
      void this.load();
      return Math.ceil(Buffer.byteLength(text) / ESTIMATED_BYTES_PER_TOKEN);
    }
    return text.length <= COUNTED_LENGTH ? countWhole(this.encoding, text) : countSample(this.encoding, text);
  }

  countPrompt(messages: readonly ModelMessage[]): number {
    return messages.reduce(
      (total, { role, content }) => total + TOKENS_PER_MESSAGE + this.countText(role) + this.countText(content),
      TOKENS_PRIMING_ANSWER,
    );
  }
}

function countWhole(encoding: Encoding, text: string): number {
  let tokens = 0;
  for (let start = 0; start < text.length;) {
    let end = start + SLICE_LENGTH;
    if (end < text.length) {
      // No token reaches across the start of a space before a word: cut there, and nothing is counted twice.
      const space = text.lastIndexOf(' ', end);
      if (space > start) end = space;
    }
    tokens += encoding.countTokens(text.slice(start, end), AS_TEXT);
    start = end;
  }
  return tokens;
}

function countSample(encoding: Encoding, text: string): number {
  const stride = (text.length * SLICE_LENGTH) / COUNTED_LENGTH;
  let tokens = 0;
  for (let start = 0; start < text.length - SLICE_LENGTH; start += stride) {
    const from = Math.floor(start);
    tokens += encoding.countTokens(text.slice(from, from + SLICE_LENGTH), AS_TEXT);
  }
  return Math.ceil((tokens * text.length) / COUNTED_LENGTH);
}
