import { describe, expect, it } from '@jest/globals';
import { preferenceOf } from './prefer.js';

describe('Prefer', () => {
  it.each([
    ['handling=strict', 'strict'],
    ['Handling=STRICT', 'strict'],
    [' handling = strict ', 'strict'],
    ['handling="strict"', 'strict'],
    ['handling="st\\rict"', 'strict'],
    ['handling=strict; wait=5', 'strict'],
    ['handling=strict;', 'strict'],
    ['count=exact, handling=strict', 'strict'],
    [',, handling=strict', 'strict'],
    ['respond-async, wait="1,handling=lenient"; x="a;b", handling=strict', 'strict'],
    ['handling=strict, handling=lenient', 'strict'],
    ['handling=lenient, handling=strict', 'lenient'],
    ['handling', ''],
    ['handling=""', ''],
    ['wait=5; handling=strict', undefined],
    ['xhandling=strict', undefined],
    ['handling strict', undefined],
    ['"handling=strict"', undefined],
    ['x="handling=strict', undefined],
    ['', undefined],
    ['\\', undefined],
  ])('%j has handling %j', (prefer, expected) => {
    expect(preferenceOf({ headers: { prefer } }, 'handling')).toBe(expected);
  });

  it('reads repeated headers as one, and none as no preference', () => {
    const headers = { prefer: ['respond-async', 'handling=strict'] } as never;
    expect(preferenceOf({ headers }, 'handling')).toBe('strict');
    expect(preferenceOf({ headers: {} }, 'handling')).toBeUndefined();
  });

  it('reads the longest header quickly', () => {
    for (const part of ['"', '\\', '"\\', 'a=', ',', '" ', 'a="\\"'])
      expect(preferenceOf({ headers: { prefer: part.repeat(16_000 / part.length) } }, 'handling')).toBeUndefined();
  });
});
