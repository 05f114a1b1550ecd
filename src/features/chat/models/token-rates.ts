import type { Log } from '../../../kernel/log.js';
import type { Rates, TokenRatesRepository } from './token-rates.repository.js';

/** What is assumed of a provider that has reported little: it counts up to half more than our tokenizer. */
const ASSUMED_RATIO = 1.5;
/** Reports that it takes to believe a lower ratio than the assumed one. */
const ENOUGH_REPORTS = 20;
/** Put on the highest ratio seen, for the next prompt may be the first with a higher one. */
const MARGIN = 1.05;
/** The latest reports, by which the rates are set. */
const WINDOW = 200;
/** A ratio of shorter texts says little: what a provider adds to each prompt would look like one. */
const TELLING_TOKENS = 100;
const MAX_RATIO = 10;
const MAX_OVERHEAD = 100_000;
/** Rates are stored when they have changed by so much. */
const NEWS = 0.02;

/** Tokens of the same text by our tokenizer and by the provider. */
interface TokenPair {
  readonly ours: number;
  readonly theirs: number;
}

/** The tokens of one call. */
export interface TokenReport {
  readonly prompt: TokenPair;
  /** Null where the provider gave only a total. */
  readonly answer: TokenPair | null;
}

interface TokenRatesNeeds {
  readonly repository: TokenRatesRepository;
  /** By whose count: `gpt-4o-mini at api.openai.com`. */
  readonly model: string;
  /** True where the model counts as our tokenizer does. */
  readonly isExact: boolean;
  readonly log: Pick<Log, 'warn'>;
}

/**
 * How many tokens the provider may charge for a text of which our tokenizer knows the count. Reservations are made by it, so
 * that what is settled by the provider's figure stays within them. Learned from the provider's latest reports, and stored, so
 * that a restart need not learn anew.
 */
export class TokenRates {
  readonly #reports: TokenReport[] = [];
  #stored: Rates | null = null;
  #rates: Rates;

  constructor(private readonly needs: TokenRatesNeeds) {
    this.#rates = this.#ratesNow();
  }

  /** Reads what was learned before the start. */
  async open(): Promise<void> {
    if (this.needs.isExact) return;
    try {
      this.#stored = await this.needs.repository.find(this.needs.model);
      this.#rates = this.#ratesNow();
    } catch (error) {
      this.needs.log.warn({ err: error }, 'how the provider counts tokens was not read');
    }
  }

  /** The most that the provider may charge for a prompt. */
  promptCost(tokens: number): number {
    return Math.ceil(tokens * this.#rates.prompt) + this.#rates.overhead;
  }

  /** The most that the provider may charge for an answer. */
  answerCost(tokens: number): number {
    return Math.ceil(tokens * this.#rates.answer);
  }

  learn(report: TokenReport): void {
    if (this.needs.isExact) return;
    this.#reports.push(report);
    if (this.#reports.length > WINDOW) this.#reports.shift();
    this.#rates = this.#ratesNow();
    if (this.#reports.length < ENOUGH_REPORTS || (this.#stored !== null && !isNews(this.#rates, this.#stored))) return;
    this.#stored = this.#rates;
    this.needs.repository.store(this.needs.model, this.#rates).catch((error: unknown) => {
      this.needs.log.warn({ err: error }, 'how the provider counts tokens was not stored');
    });
  }

  #ratesNow(): Rates {
    if (this.needs.isExact) return { prompt: 1, answer: 1, overhead: 0 };
    const prompts = this.#reports.map((report) => report.prompt);
    const answers = this.#reports.flatMap((report) => report.answer ?? []);
    const prompt = ratioOf(prompts, this.#stored?.prompt);
    const extra = prompts.map(({ ours, theirs }) => Math.ceil(theirs - ours * prompt));
    const before = this.#reports.length < ENOUGH_REPORTS ? (this.#stored?.overhead ?? 0) : 0;
    const overhead = Math.min(Math.max(0, before, ...extra), MAX_OVERHEAD);
    return { prompt, answer: ratioOf(answers, this.#stored?.answer), overhead };
  }
}

/** The highest ratio seen; until enough was seen, at least the one known from before. */
function ratioOf(pairs: readonly TokenPair[], before = ASSUMED_RATIO): number {
  const ratios = pairs.filter(({ ours }) => ours >= TELLING_TOKENS).map(({ ours, theirs }) => theirs / ours);
  const atLeast = ratios.length < ENOUGH_REPORTS ? before : 0;
  return Math.min(Math.max(atLeast, ...ratios.map((ratio) => ratio * MARGIN)), MAX_RATIO);
}

function isNews(rates: Rates, known: Rates): boolean {
  const changes = [
    rates.prompt / known.prompt,
    rates.answer / known.answer,
    (rates.overhead + TELLING_TOKENS) / (known.overhead + TELLING_TOKENS),
  ];
  return changes.some((change) => Math.abs(change - 1) > NEWS);
}
