import { describe, expect, it } from '@jest/globals';
import { bodyTypeOf } from './content-type.js';

describe('Content-Type', () => {
  const read = (type: string | undefined) =>
    bodyTypeOf({ headers: type === undefined ? {} : { 'content-type': type } });

  it.each([
    'application/json',
    'APPLICATION/JSON',
    ' application/json ; charset=utf-8',
    'application/json; charset=UTF8',
    'application/json; charset="utf-8"',
    'application/json;Charset="UTF-8"',
    'application/json; charset="utf\\-8"',
    'application/json; profile="charset=latin1"',
    'application/json; profile="a;charset=latin1"',
    'application/json; profile="x"; charset=utf-8',
    'application/json; xcharset=latin1',
    'application/json; version=1',
    'application/json;',
  ])('%j is JSON in UTF-8', (type) => {
    expect(read(type)).toEqual({ mediaType: 'application/json', isUtf8: true, isEncoded: false });
  });

  it.each([
    'application/json; charset=latin1',
    'application/json; charset="latin1"',
    'application/json; CHARSET=utf-16',
    'application/json; charset=utf-8x',
    'application/json; charset=',
    'application/json; profile="charset=utf-8"; charset=latin1',
  ])('%j is JSON in another charset', (type) => {
    expect(read(type)).toMatchObject({ mediaType: 'application/json', isUtf8: false });
  });

  it.each([
    [undefined, null],
    ['', null],
    ['application/jsonx', 'application/jsonx'],
    ['multipart/form-data; boundary="a;b"', 'multipart/form-data'],
    ['application/merge-patch+json', 'application/merge-patch+json'],
    [';;;', null],
    ['nonsense', 'nonsense'],
  ])('of %j has the media type %j', (type, mediaType) => {
    expect(read(type).mediaType).toBe(mediaType);
  });

  it.each([
    ['gzip', true],
    ['br', true],
    ['identity', false],
    ['Identity', false],
    ['', false],
    ['identity, gzip', true],
  ])('with the encoding %s is encoded: %s', (encoding, isEncoded) => {
    expect(bodyTypeOf({ headers: { 'content-encoding': encoding } }).isEncoded).toBe(isEncoded);
  });
});
