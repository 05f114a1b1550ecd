import { describe, expect, it } from '@jest/globals';
import { z } from 'zod';
import { Invalid } from '../kernel/errors.js';
import { checkArguments, findFaults } from './operation.js';

const rules = z.object({
  answer: z.object({
    id: z.string(),
    kind: z.literal('key'),
    size: z.number(),
    parts: z.array(z.string().max(2, 'must be short')),
  }),
});

describe('the faults of arguments', () => {
  it('are told in plain words, all at once', () => {
    expect(findFaults(rules, { answer: { kind: 'lock', size: '1', parts: 'no' } })).toEqual([
      { field: 'answer.id', message: 'is required' },
      { field: 'answer.kind', message: 'must be "key"' },
      { field: 'answer.size', message: 'must be a number' },
      { field: 'answer.parts', message: 'must be a list' },
    ]);
    expect(findFaults(rules, { answer: [] })).toEqual([{ field: 'answer', message: 'must be an object' }]);
  });

  it('have the words of a rule that has its own', () => {
    const answer = { id: '1', kind: 'key', size: 1, parts: ['a', 'long'] };
    expect(() => checkArguments(rules, { answer })).toThrow(Invalid);
    expect(findFaults(rules, { answer })).toEqual([{ field: 'answer.parts.1', message: 'must be short' }]);
  });

  it('are none where the arguments will do', () => {
    const answer = { id: '1', kind: 'key', size: 1, parts: ['a'] };
    expect(findFaults(rules, { answer })).toEqual([]);
    expect(checkArguments(rules, { answer })).toEqual({ answer });
  });
});
