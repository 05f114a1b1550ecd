import { describe, expect, it } from '@jest/globals';
import { acceptsByName, preferredType, prefersGzip } from './accept.js';

const JSON_TYPE = 'application/json';
const HTML = 'text/html';
const EVENTS = 'text/event-stream';

describe('Accept', () => {
  const preferred = (accept: string | undefined) =>
    preferredType({ headers: accept === undefined ? {} : { accept } }, [JSON_TYPE, HTML, EVENTS]);

  it.each([
    [undefined, JSON_TYPE],
    ['*/*', JSON_TYPE],
    ['text/*', HTML],
    ['TEXT/HTML', HTML],
    ['text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8', HTML],
    ['text/html;q=0.5, application/json', JSON_TYPE],
    ['text/html;q=0.5, */*', JSON_TYPE],
    ['text/event-stream, application/json', EVENTS],
    ['application/json, text/event-stream', JSON_TYPE],
    ['*/*, text/event-stream', EVENTS],
    ['application/json;q=0, */*', HTML],
    ['application/json;q=0.000, */*', HTML],
    ['application/json; charset=utf-8; q=0, */*', HTML],
    ['*/*;q=0.1, application/json;Q=0, text/html;q=0', EVENTS],
    ['*/*, text/*;q=0', JSON_TYPE],
    ['application/json; charset=utf-8', JSON_TYPE],
    ['text/html; profile="a,b;q=0"; q=0.9, application/json; q=0.8', HTML],
    ['image/png', undefined],
    ['*/*;q=0', undefined],
    ['', undefined],
    ['nonsense', undefined],
    [';,;q', undefined],
  ])('%j is best answered with %s', (accept, type) => {
    expect(preferred(accept)).toBe(type);
  });

  it('names a type only where the type itself is accepted', () => {
    const named = (accept: string) => acceptsByName({ headers: { accept } }, JSON_TYPE);
    for (const accept of ['application/json', 'Application/JSON; charset=utf-8', '*/*, application/json;q=0.1'])
      expect({ accept, named: named(accept) }).toEqual({ accept, named: true });
    for (const accept of ['*/*', 'application/*', 'application/json;q=0, */*', 'application/json5', ''])
      expect({ accept, named: named(accept) }).toEqual({ accept, named: false });
  });
});

describe('Accept-Encoding', () => {
  it.each([
    ['gzip', true],
    ['GZIP', true],
    ['gzip, deflate, br, zstd', true],
    ['br;q=1.0, gzip;q=0.5, *;q=0.1', true],
    ['*', true],
    ['identity;q=0, *', true],
    ['identity;q=0, gzip', true],
    ['*;q=0, gzip;q=0.1', true],
    [undefined, false],
    ['', false],
    ['identity', false],
    ['gzip;q=0', false],
    ['gzip;q=0.0, *', false],
    ['gzip; q=0, deflate', false],
    ['gzip;q=0.5, identity', false],
    ['identity;q=0', false],
    ['*;q=0', false],
    ['br', false],
    ['x-not-gzip', false],
  ])('%j: compressed %s', (encodings, expected) => {
    const headers = encodings === undefined ? {} : { 'accept-encoding': encodings };
    expect(prefersGzip({ headers })).toBe(expected);
  });
});
