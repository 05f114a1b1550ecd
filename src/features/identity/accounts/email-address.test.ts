import { describe, expect, it } from '@jest/globals';
import { Invalid } from '../../../kernel/errors.js';
import { addressIdentity, emailAddress, isSameMailbox, newAddress, spellingsOf } from './email-address.js';

const LONG = 'x'.repeat(64);

describe('the mailbox of an address', () => {
  it.each([
    ['Ada@Example.com', ' aDA@example.COM '],
    ['ada@bücher.de', 'ada@xn--bcher-kva.de'],
    ['ada@BÜCHER.de', 'ADA@XN--bcher-kva.DE'],
    ['用户@例子.公司', '用户@xn--fsqu00a.xn--55qx5d'],
    ['Ä@example.com', 'ä@example.com'],
    ['e\u0301@example.com', 'é@example.com'],
  ])('is the same for %s and %s', (one, other) => {
    expect(isSameMailbox(one, other)).toBe(true);
    const [stored] = [emailAddress().parse(one)];
    expect(spellingsOf(other).map((spelling) => spelling.toLowerCase())).toContain(stored.toLowerCase());
    expect(addressIdentity(stored)).toBe(addressIdentity(other));
  });

  it.each([
    ['k@example.com', '\u212a@example.com'],
    ['K@example.com', '\u212a@example.com'],
    ['å@example.com', '\u212b@example.com'],
    ['i@example.com', '\u0130@example.com'],
    ['i@example.com', '\u0131@example.com'],
    ['fi@example.com', '\ufb01@example.com'],
    ['s@example.com', '\u017f@example.com'],
    ['a@example.com', '\uff41@example.com'],
    ['a.da@example.com', 'ada@example.com'],
    ['a@example.com', 'a\u200b@example.com'],
    ['a@faß.de', 'a@fass.de'],
    ['', null],
  ])('is another for %s than for %s', (one, other) => {
    expect(isSameMailbox(one, other)).toBe(false);
  });

  it('is its own mailbox’s alone, whatever was once stored', () => {
    for (const text of ['a@.b.c', 'a@-b.c', 'no address', '@', '', 'a@xn--zz', '\u212a@exa\u0307mple.com']) {
      expect(isSameMailbox(text, text.toUpperCase().toLowerCase().trim())).toBe(!text.includes('\u212a'));
      expect(isSameMailbox(text, ` ${text} `)).toBe(true);
    }
  });
});

describe('an address for an account', () => {
  it.each([
    'ada@example.com',
    'Ada.Lovelace+x@Mail.Example.co.uk',
    "o'brien@example.com",
    '!#$%&*/=?^_`{|}~-@example.com',
    'a@b.c',
    'a@b.museum',
    'bücher@example.com',
    'ada@bücher.de',
    '用户@例子.公司',
    'почта@тест.рф',
    'a@b.xn--p1ai',
    '\u0915\u093c@example.com',
    '😀@example.com',
    `${LONG}@example.com`,
  ])('may be %s', (address) => {
    const { success } = emailAddress().safeParse(address);
    expect(success).toBe(true);
  });

  it('is stored as it was spelled, but for what databases fold in different ways', () => {
    for (const [given, stored] of [
      [' Ada+X@Example.COM ', 'Ada+X@Example.COM'],
      ['JÖRG@example.com', 'JöRG@example.com'],
      ['ada@xn--bcher-kva.de', 'ada@bücher.de'],
      ['ada@BÜCHER.de', 'ada@bücher.de'],
      ['e\u0301@example.com', 'é@example.com'],
    ] as const) {
      expect(emailAddress().parse(given)).toBe(stored);
    }
  });

  it.each([
    ['', 'ada', '@example.com', 'ada@', 'ada@@example.com', 'a b@example.com', 'Ada <ada@example.com>'],
    ['a@.b.c', 'a@b..c', '.a@c.d', 'a@-b.c', 'a@b-.c', 'a.@c.d', 'a..b@c.d', 'a@b.c.', 'a@b.', 'a@b.12', 'a@1.2.3.4'],
    ['user@localhost', 'a@[127.0.0.1]', '"a b"@example.com', 'a(c)@example.com', 'a@exa_mple.com', 'a@ex%61mple.com'],
    [
      'a\r\nb@example.com',
      'a@example.com\r\nBcc: b@example.com',
      'a\u0000@example.com',
      'a\u001b@example.com',
      'a\u007f@b.de',
    ],
    [
      'a\u202eb@example.com',
      'a\u2066b@example.com',
      'a@exa\u202emple.com',
      'a\u200eb@example.com',
      'a\u061cb@example.com',
    ],
    [
      'a\u200bb@example.com',
      'a\u200db@example.com',
      'a\u2060b@b.de',
      'a@exa\u200bmple.com',
      'a@exa\u00admple.com',
      '\ufeff',
    ],
    [
      'a\u3164@example.com',
      'a\u115f@example.com',
      'a\ufe0f@example.com',
      'a\u180e@b.de',
      'a\u{e0041}@b.de',
      'a\u2800@b\u2028.de',
    ],
    [
      'mi\u212ae@example.com',
      '\uff41@example.com',
      'o\ufb03ce@b.de',
      'a@\uff45xample.com',
      'a@b\u3002de',
      '\u{1d4b3}@b.de',
    ],
    [`x${LONG}@example.com`, `a@${LONG}.com`, `a@${'x.'.repeat(130)}com`, `${'ä'.repeat(33)}@example.com`],
    ['a@xn--a.com', 'a@xn--zzzzzz.de', 'a@ü%2e.de', 'a\u0300\ue000@b.de'],
  ])('is none of %j …', (...addresses) => {
    const taken = addresses.filter((address) => emailAddress().safeParse(address).success);
    expect(taken).toEqual([]);
  });

  it('stays when it is older than the rule, and is sent along', () => {
    expect(newAddress('a@-b.c', 'a@-b.c')).toBe('a@-b.c');
    expect(() => newAddress('b@-b.c', 'a@-b.c')).toThrow(Invalid);
  });
});
