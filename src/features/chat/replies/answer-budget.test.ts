import { describe, expect, it } from '@jest/globals';
import { AnswerBudget } from './answer-budget.js';

/** A tokenizer with one token a character. */
function counterOf(counted: number[]) {
  return {
    countText(text: string) {
      counted.push(text.length);
      return text.length;
    },
  };
}

function isSpent(budget: AnswerBudget, length: number): boolean {
  return budget.isSpent(length, () => 'x'.repeat(length));
}

describe('the budget of an answer', () => {
  it('counts nothing while the answer cannot be too long, whatever its text', () => {
    const counted: number[] = [];
    const budget = new AnswerBudget(3_000, counterOf(counted), (tokens) => tokens);
    for (let length = 10; length <= 1_000; length += 10) expect(isSpent(budget, length)).toBe(false);
    expect(counted).toEqual([]);
  });

  it('is spent with the first text that takes more than the tokens, and stays so', () => {
    const counted: number[] = [];
    const budget = new AnswerBudget(100, counterOf(counted), (tokens) => tokens);
    let length = 0;
    while (!isSpent(budget, length)) length++;
    expect(length).toBe(101);
    expect(isSpent(budget, length)).toBe(true);
    expect(counted.reduce((sum, some) => sum + some, 0)).toBe(101);
  });

  it('goes by what the provider charges', () => {
    const budget = new AnswerBudget(100, counterOf([]), (tokens) => 2 * tokens);
    expect(isSpent(budget, 50)).toBe(false);
    expect(isSpent(budget, 51)).toBe(true);
  });

  it('counts a long answer piece by piece', () => {
    const counted: number[] = [];
    const budget = new AnswerBudget(1_000_000, counterOf(counted), (tokens) => tokens);
    for (let length = 1_000; length <= 9_000; length += 1_000) isSpent(budget, length);
    expect(counted).toEqual([4_000, 4_000]);
  });
});
