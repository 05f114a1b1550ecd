import { describe, expect, it } from '@jest/globals';
import type { TokenRatesRepository } from './token-rates.repository.js';
import { TokenRates, type TokenReport } from './token-rates.js';

type Stored = Awaited<ReturnType<TokenRatesRepository['find']>>;

function ratesOver(stored: Stored = null, isExact = false) {
  const kept = { rates: stored };
  const repository = {
    find: () => Promise.resolve(kept.rates),
    store: (_: string, rates: NonNullable<Stored>) => {
      kept.rates = rates;
      return Promise.resolve();
    },
  } as unknown as TokenRatesRepository;
  return { rates: new TokenRates({ repository, model: 'model', isExact, log: { warn: () => undefined } }), kept };
}

const report = (ratio: number, ours = 1_000): TokenReport => ({
  prompt: { ours, theirs: Math.round(ours * ratio) },
  answer: { ours, theirs: Math.round(ours * ratio) },
});
const learn = (rates: TokenRates, count: number, ratio: number) => {
  for (let call = 0; call < count; call++) rates.learn(report(ratio));
};

describe('what a provider may charge', () => {
  it('is half more than our count until twenty reports say otherwise', () => {
    const { rates } = ratesOver();
    expect(rates.promptCost(100)).toBe(150);
    learn(rates, 19, 1);
    expect(rates.promptCost(100)).toBe(150);
    learn(rates, 1, 1);
    expect(rates.promptCost(100)).toBe(105);
    expect(rates.answerCost(100)).toBe(105);
  });

  it('is more from the first report that says so, and what is added to each prompt is known at once', () => {
    const { rates } = ratesOver();
    rates.learn(report(2));
    expect(rates.promptCost(100)).toBe(210);
    rates.learn({ prompt: { ours: 20, theirs: 242 }, answer: null });
    expect(rates.promptCost(20)).toBe(242);
  });

  it('is the highest of the latest reports', () => {
    const { rates } = ratesOver();
    learn(rates, 1, 1.4);
    learn(rates, 100, 1);
    expect(rates.promptCost(100)).toBe(147);
    learn(rates, 200, 1);
    expect(rates.promptCost(100)).toBe(105);
  });

  it('is remembered over a restart', async () => {
    const { rates, kept } = ratesOver();
    learn(rates, 30, 1.2);
    const next = ratesOver(kept.rates).rates;
    await next.open();
    expect(next.promptCost(100)).toBe(126);
  });

  it('is our count where the model counts as we do', () => {
    const { rates } = ratesOver(null, true);
    learn(rates, 30, 2);
    expect(rates.promptCost(100)).toBe(100);
  });
});
