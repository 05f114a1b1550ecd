import type { ModelMessage, TokenCounter } from '../../ports/language-model.js';
import { loadTokenTable } from './token-table.js';

/** Counts the tokens of a text, of which special tokens such as `<|endoftext|>` are plain text. */
type Count = (text: string) => number;

/**
 * Overhead of the chat format: 3 tokens per message beside role and content, and 3 that prime the answer.
 * @see https://cookbook.openai.com/examples/how_to_count_tokens_with_tiktoken, `num_tokens_from_messages`
 */
const TOKENS_PER_MESSAGE = 3;
const TOKENS_PRIMING_ANSWER = 3;

/**
 * The most that GPT-4o counts for an image: 85, and 170 for each of the 8 tiles that the largest one is cut into. What a provider
 * counts itself is learned from its answers.
 * @see https://platform.openai.com/docs/guides/images-vision#calculating-costs
 */
const TOKENS_PER_IMAGE = 85 + 8 * 170;

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
 * Counts with the `o200k_base` encoding, which OpenAI's models since GPT-4o use; for other models it comes near. The table takes
 * some 30 ms to load, so that happens once, in the background, at {@link load} or the first count; until then, counts are
 * estimates from the text's length.
 *
 * Exact up to 512 characters and, where words are parted by spaces, up to 32,768; beyond that a sample, scaled up.
 */
export class O200kTokenCounter implements TokenCounter {
  private count: Count | undefined;
  private readonly loadCount: () => Promise<Count>;
  private loading: Promise<void> | undefined;

  /** @param loadCount the tokenizer, for tests that look at what it is given */
  constructor(loadCount: () => Promise<Count> = loadTokenTable) {
    this.loadCount = loadCount;
  }

  /**
   * Resolves when counts are exact. Call it once the service listens. If the table cannot be read (no more files may be
   * opened), counts stay estimates until the first count that finds it.
   */
  load(): Promise<void> {
    this.loading ??= this.loadCount().then(
      (count) => {
        this.count = count;
      },
      () => {
        this.loading = undefined;
      },
    );
    return this.loading;
  }

  countText(text: string): number {
    if (this.count === undefined) {
      void this.load();
      return Math.ceil(Buffer.byteLength(text) / ESTIMATED_BYTES_PER_TOKEN);
    }
    return text.length <= COUNTED_LENGTH ? countWhole(this.count, text) : countSample(this.count, text);
  }

  countPrompt(messages: readonly ModelMessage[]): number {
    return messages.reduce(
      (total, { role, content, images = [], toolCalls = [] }) =>
        total +
        TOKENS_PER_MESSAGE +
        this.countText(role) +
        this.countText(content) +
        images.length * TOKENS_PER_IMAGE +
        toolCalls.reduce((sum, { id, name, arguments: json }) => sum + this.countText(`${id} ${name} ${json}`), 0),
      TOKENS_PRIMING_ANSWER,
    );
  }
}

function countWhole(count: Count, text: string): number {
  let tokens = 0;
  for (let start = 0; start < text.length;) {
    let end = start + SLICE_LENGTH;
    if (end < text.length) {
      // No token reaches across the start of a space before a word: cut there, and nothing is counted twice.
      const space = text.lastIndexOf(' ', end);
      if (space > start) end = space;
    }
    tokens += count(text.slice(start, end));
    start = end;
  }
  return tokens;
}

function countSample(count: Count, text: string): number {
  const stride = (text.length * SLICE_LENGTH) / COUNTED_LENGTH;
  let tokens = 0;
  for (let start = 0; start < text.length - SLICE_LENGTH; start += stride) {
    const from = Math.floor(start);
    tokens += count(text.slice(from, from + SLICE_LENGTH));
  }
  return Math.ceil((tokens * text.length) / COUNTED_LENGTH);
}
