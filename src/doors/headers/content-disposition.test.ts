import { describe, expect, it } from '@jest/globals';
import { dispositionOf } from './content-disposition.js';

const bytes = (text: string) => Buffer.from(text).toString('latin1');

describe('Content-Disposition of a part', () => {
  it.each([
    ['name="file"; filename="a.txt"', 'file', 'a.txt'],
    ['name=file;filename=a.txt', 'file', 'a.txt'],
    ['NAME = "file" ; FileName = "a.txt" ', 'file', 'a.txt'],
    ['name="file"', 'file', undefined],
    ['name="file"; filename=""', 'file', ''],
    ['filename="a.txt"', undefined, 'a.txt'],
    ['name="naïve"; filename="日本.txt"', 'naïve', '日本.txt'],
    ['name="f"; filename="a\\"b;c=d\\\\.txt"', 'f', 'a"b;c=d\\.txt'],
    ['name="f"; filename="C:\\dir\\a.txt"', 'f', 'C:\\dir\\a.txt'],
    ['name="f"; filename="a%22b.txt"', 'f', 'a%22b.txt'],
    [`name="f"; filename="a.txt"; filename*=UTF-8''%e2%82%ac%20rates.txt`, 'f', '€ rates.txt'],
    [`name="f"; filename*=utf-8'en'%e2%82%ac.txt; filename="a.txt"`, 'f', '€.txt'],
    [`name="f"; filename*=ISO-8859-1''%e9.txt; filename="a.txt"`, 'f', 'é.txt'],
    [`name="f"; filename="a.txt"; filename*=KOI8-R''%c1.txt`, 'f', 'a.txt'],
    [`name="f"; filename="a.txt"; filename*=nonsense`, 'f', 'a.txt'],
    [`name="f"; filename="a.txt"; filename*="UTF-8''b.txt"`, 'f', 'b.txt'],
    [`name="f"; filename*=UTF-8''..%2F..%2Fetc%2Fpasswd`, 'f', '../../etc/passwd'],
    ['name="f"; name="g"; filename="a"; filename="b"', 'f', 'a'],
    ['name="f; filename="a.txt"', 'f; filename=', undefined],
    ['; ;=; name="f"', 'f', undefined],
  ])('%s', (parameters, name, filename) => {
    expect(dispositionOf(bytes(`form-data; ${parameters}`))).toEqual({ type: 'form-data', name, filename });
  });

  it('has a type, or none', () => {
    expect(dispositionOf('Form-Data').type).toBe('form-data');
    expect(dispositionOf('attachment; name="f"').type).toBe('attachment');
    expect(dispositionOf('')).toEqual({ type: '', name: undefined, filename: undefined });
  });

  it('is read quickly, whatever it is', () => {
    for (const part of [';', '"', ';a="', '\\', ';a="\\', '; ', ';a=\\"'])
      expect(dispositionOf(`form-data${part.repeat(8_192 / part.length)}`).type).toContain('form-data');
  });
});
