import { PassThrough } from 'node:stream';
import { describe, expect, it } from '@jest/globals';
import { Canceled, UsageError } from './failures.js';
import { Prompts } from './prompts.js';

/** Someone who types each answer when its question has been put. */
function person(...answers: readonly (readonly [question: string, answer: string])[]) {
  const input = Object.assign(new PassThrough(), { isTTY: true, setRawMode: () => undefined });
  const output = new PassThrough();
  const left = [...answers];
  let seen = '';
  let unread = '';
  output.setEncoding('utf8').on('data', (text: string) => {
    seen += text;
    unread += text;
    const [next] = left;
    if (next === undefined || !unread.includes(next[0])) return;
    left.shift();
    unread = '';
    // Once the question's own writing is over.
    setImmediate(() => input.write(next[1]));
  });
  return { prompts: new Prompts({ input, output }), seen: () => seen };
}

const pipe = (text: string) => {
  const input = new PassThrough();
  input.end(text);
  return new Prompts({ input, output: new PassThrough() });
};

describe('a new password', () => {
  it('is asked for twice, and not shown', async () => {
    const { prompts, seen } = person(['New password:', 'a fine secret\r'], ['The same again:', 'a fine secret\r']);
    expect(await prompts.newPassword()).toBe('a fine secret');
    expect(seen()).not.toContain('secret');
  });

  it('is asked for again when it will not do, or differs the second time', async () => {
    const { prompts, seen } = person(
      ['New password:', 'password1\r'],
      ['New password:', 'a fine secret\r'],
      ['The same again:', 'a fine secre\r'],
      ['New password:', 'a fine secret\r'],
      ['The same again:', 'a fine secret\r'],
    );
    expect(await prompts.newPassword()).toBe('a fine secret');
    expect(seen()).toContain('That password is too common.');
    expect(seen()).toContain('That was another one.');
  });

  it('is given up after three tries', async () => {
    const { prompts } = person(...Array.from({ length: 3 }, () => ['New password:', 'short\r'] as const));
    await expect(prompts.newPassword()).rejects.toThrow(UsageError);
  });

  it.each([
    ['Ctrl-C', '\u0003'],
    ['Ctrl-D', '\u0004'],
  ])('is canceled by %s', async (_, key) => {
    await expect(person(['New password:', key]).prompts.newPassword()).rejects.toThrow(Canceled);
  });

  it('is the line of standard input where nobody is there', async () => {
    expect(await pipe('a fine secret\n').newPassword()).toBe('a fine secret');
    expect(await pipe(' a fine secret \r\n').newPassword()).toBe(' a fine secret ');
    expect(await pipe('a fine secret').newPassword()).toBe('a fine secret');
  });

  it.each([
    ['', 'no password came'],
    ['\n', 'no password came'],
    ['one of them\nanother one\n', 'more than a line'],
    ['password1\n', 'the password is too common'],
    ['short\n', 'the password must be at least 8 characters'],
  ])('is refused from standard input: %j', async (text, message) => {
    await expect(pipe(text).newPassword()).rejects.toThrow(message);
  });
});

describe('a confirmation', () => {
  it.each([
    ['y\r', true],
    ['YES\r', true],
    ['n\r', false],
    ['\r', false],
    ['yesterday\r', false],
  ])('%j is %j', async (answer, isYes) => {
    const { prompts } = person(['Sure? [y/N]', answer]);
    expect(await prompts.confirm('Sure?')).toBe(isYes);
  });

  it('cannot be had where nobody is there', async () => {
    await expect(pipe('y\n').confirm('Sure?')).rejects.toThrow('--yes');
  });
});
