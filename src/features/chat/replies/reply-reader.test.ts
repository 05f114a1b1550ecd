import { describe, expect, it } from '@jest/globals';
import { MemoryEventLog } from '../../../adapters/memory/memory-event-log.js';
import { Unavailable } from '../../../kernel/errors.js';
import type { EventLog } from '../../../ports/event-log.js';
import { readReply } from './reply-reader.js';
import { replyStream, type SequencedReplyEvent, type StoredReply } from './reply.js';

const now = new Date(0);
const streaming: StoredReply = {
  id: 'reply',
  conversationId: 'conversation',
  userId: null,
  content: { text: 'Hello' },
  messageType: 'ai',
  status: 'STREAMING',
  extra: null,
  replyToId: null,
  createdAt: now,
  updatedAt: now,
  deltaEnds: [5],
  failureCode: null,
  failureReason: null,
  tokens: null,
};
const complete: StoredReply = {
  ...streaming,
  content: { text: 'Hello world' },
  status: 'COMPLETE',
  deltaEnds: [5, 11],
  tokens: 7,
};

async function read(events: EventLog, ...rows: readonly (StoredReply | null)[]): Promise<SequencedReplyEvent[]> {
  const left = [...rows];
  const replies = { find: () => Promise.resolve(left.length > 1 ? (left.shift() ?? null) : (left[0] ?? null)) };
  return Array.fromAsync(readReply('reply', 0, new AbortController().signal, { replies, events }));
}

const whole = [
  { type: 'delta', text: 'Hello', sequence: 1 },
  { type: 'delta', text: ' world', sequence: 2 },
  { type: 'completed', response: 'Hello world', sequence: 3 },
];

describe('reading a reply', () => {
  it('follows the log while it holds the stream', async () => {
    const log = new MemoryEventLog();
    await log.append(replyStream('reply'), [
      { type: 'delta', text: 'Hello' },
      { type: 'delta', text: ' world' },
      { type: 'completed', response: 'Hello world', tokens: 7, messageId: 'reply' },
    ]);
    expect(await read(log, streaming)).toMatchObject(whole);
    await log.close();
  });

  it('goes on from the row when nothing is logged here', async () => {
    const log = new MemoryEventLog();
    expect(await read(log, streaming, complete)).toMatchObject(whole);
    await log.close();
  });

  it('goes on from the row when the log is out of reach, before or while it is followed', async () => {
    const log = new MemoryEventLog();
    const gone = () => Promise.reject(new Unavailable('the log is gone'));
    const unreachable: EventLog = Object.assign(Object.create(log) as EventLog, { has: gone });
    expect(await read(unreachable, streaming, complete)).toMatchObject(whole);
    const lost: EventLog = Object.assign(Object.create(log) as EventLog, {
      has: () => Promise.resolve(true),
      follow: gone,
    });
    expect(await read(lost, streaming, complete)).toMatchObject(whole);
    await log.close();
  });

  it('ends with DELETED when the message is gone', async () => {
    const log = new MemoryEventLog();
    expect(await read(log, streaming, null)).toMatchObject([{ type: 'delta' }, { type: 'failed', code: 'DELETED' }]);
    await log.close();
  });
});
