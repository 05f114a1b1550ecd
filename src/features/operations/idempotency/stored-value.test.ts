import { describe, expect, it } from '@jest/globals';
import { pack, unpack } from './stored-value.js';

describe('a stored value', () => {
  it.each([
    [null],
    [true],
    ['text with \u0000 in it'],
    [{ id: 'a', at: new Date('2026-11-26T10:00:00.123Z'), none: null, list: [1, [new Date(0)]] }],
    [{ content: { $date: 'not a date', $$date: 1, text: '$date', $: 2 } }],
    [{ bytes: Buffer.from([0, 1, 255]) }],
    [{}],
    [[]],
  ])('is the same again: %j', (value) => {
    expect(unpack(pack(value))).toEqual(value);
  });

  it('leaves out what is undefined, and is null for nothing', () => {
    expect(unpack(pack({ given: 1, left: undefined }))).toEqual({ given: 1 });
    expect(unpack(pack(undefined))).toBeNull();
  });

  it.each([[() => 1], [10n], [Symbol('x')]])('is data: not %p', (value) => {
    expect(() => pack({ value })).toThrow(TypeError);
  });
});
