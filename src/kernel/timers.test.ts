import { describe, expect, it } from '@jest/globals';
import { untilStep } from './timers.js';

describe('untilStep', () => {
  const moments = [0, 1, 249.5, 250, 999.3, 1_000, 1_234.5, 7_777.7, 123_456.7];
  const dueAt = (milliseconds: number, now: number) => Math.round((now + untilStep(milliseconds, now)) * 1_000) / 1_000;

  it.each([
    [500, 500],
    [750, 250],
    [2_000, 2_000],
    [3_000, 1_000],
    [20_000, 2_000],
  ])('of an interval of %d ms ends at multiples of %d ms, and within the interval', (milliseconds, step) => {
    for (const now of moments) {
      expect(dueAt(milliseconds, now) % step).toBe(0);
      expect(untilStep(milliseconds, now)).toBeGreaterThan(milliseconds - step);
      expect(untilStep(milliseconds, now)).toBeLessThan(milliseconds + 6);
    }
  });

  it('does not end twice at a step that a timer was early at', () => {
    for (const early of [0, 1, 2, 4.5]) expect(dueAt(500, 10_000 - early)).toBe(10_500);
  });

  it('is an interval that is shorter than any step', () => {
    expect(untilStep(20, 1_234)).toBe(20);
  });
});
