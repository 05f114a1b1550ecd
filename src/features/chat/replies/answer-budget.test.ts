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

describe('the budget of an answer', () => {
  it('counts nothing while the answer cannot be too long, whatever its text', () => {
    const counted: number[] = [];
    const budget = new AnswerBudget(3_000, counterOf(counted), (tokens) => tokens);
    for (let piece = 1; piece <= 100; piece++) expect(budget.isSpent('x'.repeat(10))).toBe(false);
    expect(counted).toEqual([]);
  });

  it('is spent with the first text that takes more than the tokens, and stays so', () => {
    const budget = new AnswerBudget(100, counterOf([]), (tokens) => tokens);
    let length = 0;
    while (!budget.isSpent('x')) length++;
    expect(length).toBe(100);
    expect(budget.isSpent('')).toBe(true);
  });

  it('goes by what the provider charges', () => {
    const budget = new AnswerBudget(100, counterOf([]), (tokens) => 2 * tokens);
    expect(budget.isSpent('x'.repeat(50))).toBe(false);
    expect(budget.isSpent('x')).toBe(true);
  });

  it('counts a long answer piece by piece', () => {
    const counted: number[] = [];
    const budget = new AnswerBudget(1_000_000, counterOf(counted), (tokens) => tokens);
    for (let piece = 1; piece <= 9; piece++) budget.isSpent('x'.repeat(1_000));
    expect(Math.max(...counted)).toBeLessThan(4_100);
    expect(counted.filter((length) => length >= 4_000)).toHaveLength(2);
  });

  it('counts what comes in pieces as if it came whole', () => {
    const words = { countText: (text: string) => text.match(/ ?\S+|\s+/g)?.length ?? 0 };
    const pieces = ['Hello ', 'from', ' the ', 'mod', 'el, ', 'which ', 'goes ', 'on'];
    const budget = new AnswerBudget(words.countText(pieces.join('')), words, (tokens) => tokens);
    for (const piece of pieces) expect(budget.isSpent(piece)).toBe(false);
    expect(budget.isSpent(' and on')).toBe(true);
  });
});
