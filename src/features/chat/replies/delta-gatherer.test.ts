import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { systemTimers } from '../../../kernel/timers.js';
import { DeltaGatherer } from './delta-gatherer.js';

describe('gathering deltas', () => {
  let deltas: string[];
  let gatherer: DeltaGatherer;

  beforeEach(() => {
    jest.useFakeTimers({ now: 0 });
    deltas = [];
    gatherer = new DeltaGatherer((delta) => deltas.push(delta), systemTimers);
  });
  afterEach(() => {
    jest.useRealTimers();
  });

  it('sends at once on an idle line, then gathers for 25 ms', () => {
    gatherer.add('a');
    gatherer.add('b');
    gatherer.add('c');
    expect(deltas).toEqual(['a']);
    jest.advanceTimersByTime(25);
    expect(deltas).toEqual(['a', 'bc']);
    jest.advanceTimersByTime(100);
    gatherer.add('d');
    expect(deltas).toEqual(['a', 'bc', 'd']);
  });

  it('sends what is left at the end', () => {
    gatherer.add('a');
    gatherer.add('b');
    gatherer.end();
    expect(deltas).toEqual(['a', 'b']);
    jest.advanceTimersByTime(100);
    expect(deltas).toEqual(['a', 'b']);
  });

  it('keeps a character whole that comes in two halves', () => {
    gatherer.add('\uD83D');
    jest.advanceTimersByTime(25);
    expect(deltas).toEqual([]);
    gatherer.add('\uDE00!');
    jest.advanceTimersByTime(25);
    expect(deltas.join('')).toBe('\u{1F600}!');
  });

  it('replaces a half that stays alone, and drops NUL', () => {
    gatherer.add('a\0b\uD83D');
    gatherer.end();
    expect(deltas.join('')).toBe('ab\uFFFD');
  });
});
