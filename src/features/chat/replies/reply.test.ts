import { describe, expect, it } from '@jest/globals';
import { storedEvents, type StoredReply } from './reply.js';

function reply(overrides: Partial<StoredReply>): StoredReply {
  const now = new Date(0);
  return {
    id: 'reply',
    conversationId: 'conversation',
    userId: null,
    content: { text: '' },
    messageType: 'ai',
    status: 'COMPLETE',
    extra: null,
    replyToId: 'question',
    createdAt: now,
    updatedAt: now,
    deltaEnds: [],
    failureCode: null,
    failureReason: null,
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
      { type: 'completed', response: 'Hello world', tokens: 12, messageId: 'reply', sequence: 4 },
    ]);
  });

  it('goes on after any event', () => {
    expect(storedEvents(complete, 'Hello world', 2).map(({ sequence }) => sequence)).toEqual([3, 4]);
    expect(storedEvents(complete, 'Hello world', 3).map(({ type }) => type)).toEqual(['completed']);
  });

  it('ends also for a reader that saw more than a crash let be stored', () => {
    const partial = reply({ deltaEnds: [5], status: 'PARTIAL', failureCode: 'INTERRUPTED', failureReason: 'gone' });
    expect(storedEvents(partial, 'Hello', 7)).toEqual([
      { type: 'failed', code: 'INTERRUPTED', reason: 'gone', partial: 'Hello', messageId: 'reply', sequence: 8 },
    ]);
  });

  it('has no end while the reply is streaming', () => {
    const streaming = reply({ deltaEnds: [5], status: 'STREAMING' });
    expect(storedEvents(streaming, 'Hello', 0).map(({ type }) => type)).toEqual(['delta']);
    expect(storedEvents(streaming, 'Hello', 1)).toEqual([]);
  });

  it('is one delta where the text was edited', () => {
    expect(storedEvents(reply({}), 'Edited', 0)).toMatchObject([{ text: 'Edited', sequence: 1 }, { sequence: 2 }]);
  });

  it('is its end alone where nothing had come', () => {
    const failed = reply({ status: 'FAILED', failureCode: 'UPSTREAM_FAILED', failureReason: 'why' });
    expect(storedEvents(failed, '', 0)).toMatchObject([{ type: 'failed', partial: '', sequence: 1 }]);
  });
});
