import { describe, expect, it } from '@jest/globals';
import { clientWords } from './client-words.js';

describe('a client in a mail', () => {
  it.each([
    ['Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0', 'Firefox on Linux'],
    [
      'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0 Safari/537.36 Edg/126.0',
      'Edge on Windows',
    ],
    [
      'Mozilla/5.0 (iPhone; CPU iPhone OS 17_4 like Mac OS X) AppleWebKit/605.1.15 Version/17.4 Safari/604.1',
      'Safari on iOS',
    ],
    ['curl/8.5.0', 'curl/8.5.0'],
    ['python-requests/2.31.0', 'python-requests/2.31.0'],
    ['flynkle-app', 'flynkle-app'],
    [null, 'an unknown program'],
    ['', 'an unknown program'],
    ['http://evil.example.com', 'http'],
    ['evil.example.com/login', 'an unknown program'],
    ['Locked! Call 555-1234', 'Locked'],
    ['<script>alert(1)</script>', 'an unknown program'],
    ['a\r\nBcc: all@example.com', 'a'],
    ['x'.repeat(5_000), 'an unknown program'],
  ])('%j is %j', (userAgent, words) => {
    expect(clientWords(userAgent)).toBe(words);
  });
});
