import type { TokenCounter } from '../../../ports/language-model.js';

/** The most tokens that a character may have: one for each byte. */
const TOKENS_PER_CHARACTER = 3;
/** Characters after which the answer is counted in any case: the time for more at once would be felt. */
const COUNTED_AT_ONCE = 4_000;
/** Characters of what was counted that the next ones are counted behind: a token may begin in them. */
const CONTEXT = 64;

/** Watches an answer for the tokens that are reserved for it, in case that the provider ignores its limit. */
export class AnswerBudget {
  #tokens = 0;
  #uncounted = '';
  #before = '';

  /** @param cost what the provider charges, at most, for so many tokens of ours */
  constructor(
    private readonly tokens: number,
    private readonly counter: Pick<TokenCounter, 'countText'>,
    private readonly cost: (tokens: number) => number,
  ) {}

  /**
   * Counts only where the answer may be too long by now.
   * @param piece what came after what it was asked with before, also where nobody was told of it yet
   */
  isSpent(piece: string): boolean {
    this.#uncounted += piece;
    const { length } = this.#uncounted;
    if (length === 0) return this.cost(this.#tokens) > this.tokens;
    const most = this.#tokens + length * TOKENS_PER_CHARACTER;
    if (length < COUNTED_AT_ONCE && this.cost(most) <= this.tokens) return false;
    // Piece by piece: the time for the whole would grow with its square.
    const text = this.#before + this.#uncounted;
    this.#tokens += this.counter.countText(text) - this.#countBefore();
    this.#before = text.slice(-CONTEXT);
    this.#uncounted = '';
    return this.cost(this.#tokens) > this.tokens;
  }

  #countBefore(): number {
    return this.#before === '' ? 0 : this.counter.countText(this.#before);
  }
}
