import { describe, expect, it } from '@jest/globals';
import { costOf, type ModelPrice } from './price.js';

const PRICE: ModelPrice = { prompt: '0.15', cached: '0.075', completion: '0.6' };

describe('what tokens cost', () => {
  it.each([
    ['nothing', { prompt: 0, cached: null, completion: 0 }, '0'],
    ['one token of the prompt', { prompt: 1, cached: 0, completion: 0 }, '0.00000015'],
    ['prompt and answer', { prompt: 20, cached: null, completion: 5 }, '0.000006'],
    ['a prompt of which a part was cached', { prompt: 1_000, cached: 600, completion: 10 }, '0.000111'],
    ['a million of each', { prompt: 1_000_000, cached: 0, completion: 1_000_000 }, '0.75'],
    ['more cached tokens than the prompt has', { prompt: 10, cached: 20, completion: 0 }, '0.00000075'],
  ])('is exact for %s', (_, counts, cost) => {
    expect(costOf(PRICE, counts)).toBe(cost);
  });

  it('has no rounding where floating point would have', () => {
    const dear: ModelPrice = { prompt: '123456.000001', cached: '0.000001', completion: '0.1' };
    expect(costOf(dear, { prompt: 2_147_483_647, cached: 0, completion: 3 })).toBe('265119741.126179783647');
  });
});
