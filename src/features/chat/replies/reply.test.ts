import { describe, expect, it } from '@jest/globals';
import { MAX_AFTER, storedEvents, type StoredReply } from './reply.js';

function reply(overrides: Partial<StoredReply>): StoredReply {
  const now = new Date(0);
  return {
    id: 'reply',
    conversationId: 'conversation',
    userId: null,
    ownerId: 'user',
    content: { text: '' },
    messageType: 'ai',
    status: 'COMPLETE',
    extra: null,
    replyToId: 'question',
    createdAt: now,
    updatedAt: now,
    deltaEnds: [],
    parts: null,
    waitsUntil: null,
    endsGiven: [],
    failureCode: null,
    failureReason: null,
    keepUnanswered: true,
    generation: null,
    tokens: 12,
    ...overrides,
  };
}

describe('the stream of a stored reply', () => {
  const complete = reply({ deltaEnds: [5, 6, 11] });

  it('has the deltas as they came, then the end, numbered without a gap', () => {
    expect(storedEvents(complete, 'Hello world', 0)).toEqual([
      { type: 'delta', text: 'Hello', sequence: 1 },
      { type: 'delta', text: ' ', sequence: 2 },
      { type: 'delta', text: 'world', sequence: 3 },
      { type: 'completed', response: 'Hello world', tokens: 12, messageId: 'reply', generation: null, sequence: 4 },
    ]);
  });

  it('goes on after any event', () => {
    expect(storedEvents(complete, 'Hello world', 2).map(({ sequence }) => sequence)).toEqual([3, 4]);
    expect(storedEvents(complete, 'Hello world', 3).map(({ type }) => type)).toEqual(['completed']);
  });

  const cut = { deltaEnds: [5], status: 'PARTIAL', failureCode: 'INTERRUPTED', failureReason: 'gone' } as const;
  const numbersAfter = (stored: StoredReply, text: string, after: number) =>
    storedEvents(stored, text, after).map(({ type, sequence }) => [type, sequence]);

  it('ends also for a reader that saw more than a crash let be stored', () => {
    expect(storedEvents(reply(cut), 'Hello', 7)).toEqual([
      {
        type: 'failed',
        code: 'INTERRUPTED',
        reason: 'gone',
        partial: 'Hello',
        messageId: 'reply',
        generation: null,
        sequence: 8,
      },
    ]);
  });

  it('has nothing for a reader that has seen its end, or claims to have seen more', () => {
    for (const after of [4, 5, MAX_AFTER]) expect(storedEvents(complete, 'Hello world', after)).toEqual([]);
    const failed = reply({ status: 'FAILED', failureCode: 'UPSTREAM_FAILED' });
    expect(storedEvents(failed, '', 1)).toEqual([]);
  });

  it('of a reply that a crash cut has nothing for a reader that was told the end, under any number', () => {
    const told = reply({ ...cut, endsGiven: [2, 8] });
    expect(numbersAfter(told, 'Hello', 2)).toEqual([]);
    expect(numbersAfter(told, 'Hello', 8)).toEqual([]);
    expect(numbersAfter(told, 'Hello', MAX_AFTER)).toEqual([]);
    expect(numbersAfter(told, 'Hello', 7)).toEqual([['failed', 8]]);
    expect(numbersAfter(told, 'Hello', MAX_AFTER - 1)).toEqual([['failed', MAX_AFTER]]);
    expect(numbersAfter(told, 'Hello', 0)).toEqual([
      ['delta', 1],
      ['failed', 2],
    ]);
  });

  it('has no end while the reply is streaming', () => {
    const streaming = reply({ deltaEnds: [5], status: 'STREAMING' });
    expect(storedEvents(streaming, 'Hello', 0).map(({ type }) => type)).toEqual(['delta']);
    expect(storedEvents(streaming, 'Hello', 1)).toEqual([]);
  });

  it('is one delta where the text was edited', () => {
    expect(storedEvents(reply({}), 'Edited', 0)).toMatchObject([{ text: 'Edited', sequence: 1 }, { sequence: 2 }]);
    // A reader that had seen three of the deltas that were, and one that had seen the end that was the fifth event.
    const edited = reply({ endsGiven: [5] });
    expect(numbersAfter(edited, 'Edited', 3)).toEqual([['completed', 4]]);
    expect(numbersAfter(edited, 'Edited', 5)).toEqual([]);
  });

  it('has thoughts among its text in the order in which they came', () => {
    const parts = [
      { type: 'text', deltas: 1 },
      { type: 'reasoning', text: 'Is it?', ends: [3, 6] },
      { type: 'text', deltas: 2 },
    ] as const;
    const thinking = reply({ deltaEnds: [5, 6, 11], parts });
    const all = [
      { type: 'delta', text: 'Hello', sequence: 1 },
      { type: 'reasoning', text: 'Is ', sequence: 2 },
      { type: 'reasoning', text: 'it?', sequence: 3 },
      { type: 'delta', text: ' ', sequence: 4 },
      { type: 'delta', text: 'world', sequence: 5 },
      { type: 'completed', response: 'Hello world', tokens: 12, messageId: 'reply', generation: null, sequence: 6 },
    ];
    for (const after of all.keys()) expect(storedEvents(thinking, 'Hello world', after)).toEqual(all.slice(after));
    expect(storedEvents(thinking, 'Hello world', 6)).toEqual([]);
  });

  it('is its end alone where nothing had come', () => {
    const failed = reply({ status: 'FAILED', failureCode: 'UPSTREAM_FAILED', failureReason: 'why' });
    expect(storedEvents(failed, '', 0)).toMatchObject([{ type: 'failed', partial: '', sequence: 1 }]);
  });
});
