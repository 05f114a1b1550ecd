import { describe, expect, it } from '@jest/globals';
import { canonicalCall, Fingerprints } from './fingerprint.js';

const OLD = 'a secret of thirty-two bytes, or more';
const NEW = 'another secret of thirty-two bytes too';
const call = (args: Record<string, unknown>, answerOnly: string[] = []) => ({
  field: 'createMessage',
  args,
  answerOnly,
});

describe('the fingerprint of a call', () => {
  it('is the same whatever the order of its arguments, and whether one is null or left out', () => {
    const one = call({ id: '1', input: { a: 1, b: { c: [{ d: 1, e: 2 }], f: null } }, version: null });
    const other = call({ input: { b: { f: null, c: [{ e: 2, d: 1 }] }, a: 1 }, id: '1' });
    expect(canonicalCall(one)).toBe(canonicalCall(other));
  });

  it.each([
    [{ input: { a: 1 } }, { input: { a: '1' } }],
    [{ input: { a: [1, 2] } }, { input: { a: [2, 1] } }],
    [{ input: { a: null } }, { input: {} }],
    [{ input: { a: {} } }, { input: { a: [] } }],
    [{ input: { a: { b: 1 } } }, { input: { a: [['b', 1]] } }],
  ])('differs: %j and %j', (one, other) => {
    expect(canonicalCall(call(one))).not.toBe(canonicalCall(call(other)));
  });

  it('leaves out what only says how the answer comes', () => {
    const waiting = call({ input: { text: 'a', wait: true } }, ['input.wait']);
    expect(canonicalCall(waiting)).toBe(canonicalCall(call({ input: { text: 'a', wait: false } }, ['input.wait'])));
    expect(canonicalCall(waiting)).not.toBe(canonicalCall(call({ input: { text: 'a', wait: true } })));
  });

  it('is made with the first secret and recognised with all, and tells nothing without one', () => {
    const [made] = new Fingerprints([OLD]).of(call({ id: '1' }));
    const rotated = new Fingerprints([NEW, OLD]).of(call({ id: '1' }));
    expect(rotated[0]).not.toEqual(made);
    expect(rotated[1]).toEqual(made);
  });
});
