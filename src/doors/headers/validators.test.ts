import { describe, expect, it } from '@jest/globals';
import { hasCurrent, rangeOf, strongTagsOf } from './validators.js';

const ETAG = '"v1"';

describe('If-None-Match', () => {
  it.each([
    ['"v1"', true],
    ['W/"v1"', true],
    ['"v0", "v1"', true],
    ['"v0",W/"v1" , "v2"', true],
    ['*', true],
    ['"v0"', false],
    ['W/"v0"', false],
    ['"v0", "v2"', false],
    ['v1', false],
    ['', false],
    ['"v1', false],
  ])('%j holds for "v1": %s', (value, expected) => {
    expect(hasCurrent({ headers: { 'if-none-match': value } }, ETAG)).toBe(expected);
  });

  it('does not hold without the header, and holds beside the Cache-Control that fetch adds', () => {
    expect(hasCurrent({ headers: {} }, ETAG)).toBe(false);
    expect(hasCurrent({ headers: { 'cache-control': 'no-cache' } }, ETAG)).toBe(false);
    expect(hasCurrent({ headers: { 'if-none-match': ETAG, 'cache-control': 'no-cache' } }, ETAG)).toBe(true);
  });
});

describe('If-Match', () => {
  it.each([
    [['"v1"'], ['v1']],
    [['"v1", "v2"'], ['v1', 'v2']],
    [
      ['"v1","v2"', '"v3"'],
      ['v1', 'v2', 'v3'],
    ],
    [['W/"v1"'], []],
    [['w/"v1"'], []],
    [['W/"v1", "v2"'], ['v2']],
    [['"a,b"'], ['a,b']],
    [['""'], ['']],
    [['v1'], []],
    [['"v1'], []],
    [[''], []],
    [['"v1", *'], ['v1']],
    [['*'], undefined],
    [[' * '], undefined],
  ])('%j holds for the tags %j', (values, tags) => {
    expect(strongTagsOf(values)).toEqual(tags);
  });
});

describe('Range', () => {
  it.each([
    ['bytes=2-4', { start: 2, end: 4 }],
    ['Bytes=2-4', { start: 2, end: 4 }],
    ['bytes= 2-4 ', { start: 2, end: 4 }],
    ['bytes=8-', { start: 8, end: 9 }],
    ['bytes=8-99', { start: 8, end: 9 }],
    ['bytes=-3', { start: 7, end: 9 }],
    ['bytes=-99', { start: 0, end: 9 }],
    ['bytes=0-0', { start: 0, end: 0 }],
    ['bytes=10-', 'unsatisfiable'],
    ['bytes=-0', 'unsatisfiable'],
    ['bytes=99999999999999999999-', 'unsatisfiable'],
    ['bytes=0-1,4-5', undefined],
    ['bytes=5-2', undefined],
    ['bytes=50-20', undefined],
    ['bytes=-', undefined],
    ['bytes=a-b', undefined],
    ['bytes=1', undefined],
    ['bytes', undefined],
    ['lines=2-4', undefined],
    ['lines=99-', undefined],
    [undefined, undefined],
  ])('%j of ten bytes is %j', (range, expected) => {
    expect(rangeOf({ method: 'GET', headers: range === undefined ? {} : { range } }, ETAG, 10)).toEqual(expected);
  });

  it.each(['bytes=2-4', 'bytes=99-'])('%s counts for nothing where the method is not GET', (range) => {
    expect(rangeOf({ method: 'HEAD', headers: { range } }, ETAG, 10)).toBeUndefined();
  });

  it('holds for the version that the client has, and no other', () => {
    const ranged = (ifRange: string) =>
      rangeOf({ method: 'GET', headers: { range: 'bytes=2-4', 'if-range': ifRange } }, ETAG, 10);
    expect(ranged(ETAG)).toEqual({ start: 2, end: 4 });
    for (const other of ['"v0"', 'W/"v1"', 'Wed, 21 Oct 2015 07:28:00 GMT']) expect(ranged(other)).toBeUndefined();
  });
});
