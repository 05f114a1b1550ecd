/**
 * What a model costs, exactly: a price of up to six decimals for a million tokens is a whole number of 10^-12 of the currency's
 * unit for each token. Nothing is rounded, so that what is added up is what was charged.
 */
export interface ModelPrice {
  /** For a million tokens, in whole units of the currency, as a decimal: `0.15`. */
  readonly prompt: string;
  /** For a million tokens of the prompt that the provider had cached. */
  readonly cached: string;
  readonly completion: string;
}

/** The tokens of one call. Those of the model's reasoning are part of `completion`. */
export interface TokenCounts {
  readonly prompt: number;
  /** The part of `prompt` that was cached; null where the provider did not say. */
  readonly cached: number | null;
  readonly completion: number;
}

/** Decimals of a price, and those of a cost: six more, since a price is for a million. */
export const PRICE_DECIMALS = 6;
const COST_DECIMALS = 2 * PRICE_DECIMALS;

/** What the tokens cost in whole units of the currency, as a decimal: `0.00002145`. */
export function costOf(price: ModelPrice, { prompt, cached, completion }: TokenCounts): string {
  const fromCache = Math.min(cached ?? 0, prompt);
  const cost =
    BigInt(prompt - fromCache) * perToken(price.prompt) +
    BigInt(fromCache) * perToken(price.cached) +
    BigInt(completion) * perToken(price.completion);
  return decimalOf(cost);
}

function perToken(price: string): bigint {
  const [whole = '0', fraction = ''] = price.split('.');
  return BigInt(whole + fraction.padEnd(PRICE_DECIMALS, '0'));
}

function decimalOf(cost: bigint): string {
  const digits = cost.toString().padStart(COST_DECIMALS + 1, '0');
  const whole = digits.slice(0, -COST_DECIMALS);
  const fraction = digits.slice(-COST_DECIMALS).replace(/0+$/, '');
  return fraction === '' ? whole : `${whole}.${fraction}`;
}

/** Adds two costs as {@link costOf} returns them. */
export function sumOfCosts(one: string, other: string): string {
  return decimalOf(smallestUnits(one) + smallestUnits(other));
}

function smallestUnits(cost: string): bigint {
  const [whole = '0', fraction = ''] = cost.split('.');
  return BigInt(whole + fraction.padEnd(COST_DECIMALS, '0'));
}
