import { describe, expect, it } from '@jest/globals';
import { titleIn, titlePrompt } from './title.js';

describe('a title', () => {
  it.each([
    ['A trip to the sea', 'A trip to the sea'],
    ['  "A trip to the sea."  ', 'A trip to the sea'],
    ['\n\n**A trip to the sea**\nIt is about a trip.', 'A trip to the sea'],
    ['# «Eine Reise»', 'Eine Reise'],
    ["What's next…", "What's next…"],
    ['Wait for it...', 'Wait for it...'],
    ['Tabs\tand \u0000 bells', 'Tabs and bells'],
    ['x'.repeat(200), 'x'.repeat(80)],
    [`${'x'.repeat(79)}😀`, 'x'.repeat(79)],
    ['👩‍🚀 in space', '👩‍🚀 in space'],
  ])('is the first line of %j, without what is around it', (answer, title) => {
    expect(titleIn(answer)).toBe(title);
  });

  it.each(['', ' \n ', '""', '***'])('is not in %j', (answer) => {
    expect(titleIn(answer)).toBeNull();
  });

  it('is asked for by the start of question and answer alone', () => {
    const [, { content }] = titlePrompt(`Why? ${'q'.repeat(10_000)}`, `So. ${'a'.repeat(10_000)}`);
    expect(content).toMatch(/^Question:\nWhy\? q+\n\nAnswer:\nSo\. a+$/);
    expect(content.length).toBeLessThan(1_300);
  });
});
