import { beforeAll, describe, expect, it } from '@jest/globals';
import { countTokens, decode, vocabularySize } from 'gpt-tokenizer/encoding/o200k_base';
import { O200kTokenCounter } from './token-counter.js';
import { loadTokenTable } from './token-table.js';

const PROSE =
  "The quick brown fox jumps over the lazy dog; it's 12,345 times naïver than Größe übermäßig!\n  function f(x) { return x_y + 1; }\n\n";

const AS_TEXT = { allowedSpecial: new Set<string>(), disallowedSpecial: new Set<string>() };

describe('counting tokens', () => {
  const counter = new O200kTokenCounter();
  beforeAll(() => counter.load());

  it('agrees with the tokenizer on prose and code of up to 32,768 characters', () => {
    for (const text of ['', 'hello', PROSE, PROSE.repeat(5), PROSE.repeat(200)]) {
      expect(counter.countText(text)).toBe(countTokens(text));
    }
  });

  it.each([
    ['Chinese', '的一是不了人我在有他这中大来上国个到说们为子，。'],
    [
      'Russian and Greek',
      'Съешь же ещё этих мягких французских булок, да выпей чаю. Ξεσκεπάζω τὴν ψυχοφθόρα βδελυγμία',
    ],
    ['Hindi, Thai and Arabic', 'ऋषियों को सताने वाले दुष्ट राक्षसों เป็นมนุษย์สุดประเสริฐเลิศคุณค่า صِف خَلقَ خَودِ كَمِثلِ الشَمسِ'],
    ['emoji', '😀👩‍👩‍👧‍👦🏳️‍🌈❤️‍🔥 ok'],
    ['code', 'for(let i=0;i<n;++i){a[i]=b[i]**2;}\r\n\t\t// —>\n\n\n   }'],
    ['numbers', '1234567890.001e-17 0xDEADBEEF 192.168.100.200'],
    ['marks, and nothing that is a word', '!?#%&()=+*~^°§$€@<>|{}[]\u0000\u0007\u200b\u0301'],
    ['halves of characters', 'a\ud83d b\ude00 c\ud83d\ud83d'],
  ])('agrees with the tokenizer on pieces of %s', (_, text) => {
    // Pieces that begin and end anywhere, also within a character of two.
    for (let begin = 0; begin < text.length; begin++) {
      for (let end = begin + 1; end <= text.length; end += 1 + (end % 3)) {
        const piece = text.slice(begin, end);
        expect([piece, counter.countText(piece)]).toEqual([piece, countTokens(piece)]);
      }
    }
  });

  it('agrees with the tokenizer on each of its tokens, and on pairs of them', () => {
    for (let rank = 0; rank < vocabularySize - 30; rank += 7) {
      // Without the mark of byte order, which the library loses between bytes and texts.
      const text = (decode([rank]) + decode([(rank * 31) % 190_000])).replaceAll('\ufeff', '');
      expect([text, counter.countText(text)]).toEqual([text, countTokens(text, AS_TEXT)]);
    }
  });

  it('comes within 2 % on a million characters of prose', () => {
    const text = PROSE.repeat(8000);
    const exact = countTokens(text);
    expect(Math.abs(counter.countText(text) - exact) / exact).toBeLessThan(0.02);
  });

  it("counts a known prompt as OpenAI's cookbook does", () => {
    // The cookbook's example messages for GPT-4o begin with this one; 3 for the message, 1 for its role, 3 for the answer.
    const content =
      'You are a helpful, pattern-following assistant that translates corporate jargon into plain English.';
    expect(counter.countPrompt([{ role: 'system', content }])).toBe(3 + 1 + countTokens(content) + 3);
    expect(counter.countPrompt([])).toBe(3);
  });

  it('takes the names of special tokens for text', () => {
    expect(counter.countText('<|endoftext|>')).toBeGreaterThan(1);
    expect(counter.countText('a <|im_start|>system<|im_sep|> b')).toBeGreaterThan(5);
  });

  it('takes lone surrogates and NUL', () => {
    expect(counter.countText('\ud800'.repeat(1000) + '\0')).toBeGreaterThan(0);
  });

  it.each([
    ['one letter', 'a'],
    ['spaces', ' '],
    ['line breaks', '\n'],
    ['punctuation', '!'],
    ['emoji', '😀'],
    ['Chinese without a stop', '的一是不了人我在有他这中大来上国个到说们为子'],
  ])('gives the tokenizer 64 short slices of a megabyte of %s', async (_, piece) => {
    const lengths: number[] = [];
    const counted = new O200kTokenCounter(async () => {
      const count = await loadTokenTable();
      return (text) => {
        lengths.push(text.length);
        return count(text);
      };
    });
    await counted.load();
    expect(counted.countText(piece.repeat(Math.ceil(1_000_000 / piece.length)))).toBeGreaterThan(0);
    // The tokenizer's work grows with the square of a slice: the whole text would take it minutes.
    expect(lengths).toHaveLength(64);
    expect(Math.max(...lengths)).toBe(512);
    lengths.length = 0;
    expect(counted.countText(piece.repeat(32_768 / 2 / piece.length))).toBeGreaterThan(0);
    expect(Math.max(...lengths)).toBeLessThanOrEqual(512);
  });
});

describe('before the tokenizer is loaded', () => {
  it('an estimate stands in, and the first count begins the loading', async () => {
    const counter = new O200kTokenCounter();
    expect(counter.countText('x'.repeat(400))).toBe(100);
    await counter.load();
    expect(counter.countText('hello world')).toBe(2);
  });
});
