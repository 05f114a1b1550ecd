import { describe, expect, it } from '@jest/globals';
import { MemoryEventLog } from '../../../adapters/memory/memory-event-log.js';
import { Unavailable } from '../../../kernel/errors.js';
import { FIRST_WRITER, type EventLog } from '../../../ports/event-log.js';
import { systemTimers } from '../../../kernel/timers.js';
import { readReply } from './reply-reader.js';
import { replyStream, type SequencedReplyEvent, type StoredReply } from './reply.js';

const now = new Date(0);
const streaming: StoredReply = {
  id: 'reply',
  conversationId: 'conversation',
  userId: null,
  ownerId: 'user',
  content: { text: 'Hello' },
  messageType: 'ai',
  status: 'STREAMING',
  extra: null,
  replyToId: null,
  createdAt: now,
  updatedAt: now,
  deltaEnds: [5],
  parts: null,
  waitsUntil: null,
  endsGiven: [],
  failureCode: null,
  failureReason: null,
  tokens: null,
  keepUnanswered: true,
  generation: null,
};
const complete: StoredReply = {
  ...streaming,
  content: { text: 'Hello world' },
  status: 'COMPLETE',
  deltaEnds: [5, 11],
  tokens: 7,
};

interface Reading {
  readonly rows: readonly (StoredReply | null)[];
  readonly after?: number;
  readonly given?: number[];
}

async function readAfter(events: EventLog, { rows, after = 0, given = [] }: Reading): Promise<SequencedReplyEvent[]> {
  const left = [...rows];
  const replies = {
    find: () => Promise.resolve(left.length > 1 ? (left.shift() ?? null) : (left[0] ?? null)),
    giveEnd: (_id: string, sequence: number) => {
      given.push(sequence);
      return Promise.resolve();
    },
  };
  return Array.fromAsync(
    readReply('reply', after, new AbortController().signal, {
      replies,
      events,
      timers: systemTimers,
      running: { find: () => undefined },
    }),
  );
}

const read = (events: EventLog, ...rows: readonly (StoredReply | null)[]) => readAfter(events, { rows });

const whole = [
  { type: 'delta', text: 'Hello', sequence: 1 },
  { type: 'delta', text: ' world', sequence: 2 },
  { type: 'completed', response: 'Hello world', sequence: 3 },
];

describe('reading a reply', () => {
  it('follows the log while it holds the stream', async () => {
    const log = Object.assign(new MemoryEventLog(), { isShared: true });
    await log.write(replyStream('reply'), FIRST_WRITER, 1, [
      { type: 'delta', text: 'Hello', sequence: 1 },
      { type: 'delta', text: ' world', sequence: 2 },
      { type: 'completed', response: 'Hello world', tokens: 7, messageId: 'reply', sequence: 3 },
    ]);
    expect(await read(log, streaming)).toMatchObject(whole);
    await log.close();
  });

  it('goes on from the row when nothing is logged here', async () => {
    const log = new MemoryEventLog();
    expect(await read(log, streaming, complete)).toMatchObject(whole);
    await log.close();
  });

  it('goes on from the row when the log is out of reach', async () => {
    const log = new MemoryEventLog();
    const gone = () => Promise.reject(new Unavailable('the log is gone'));
    const lost: EventLog = Object.assign(Object.create(log) as EventLog, { follow: gone });
    expect(await read(lost, streaming, complete)).toMatchObject(whole);
    await log.close();
  });

  it('tells each reader of a reply that a crash cut its end, and remembers under which number', async () => {
    const log = new MemoryEventLog();
    const cut: StoredReply = { ...streaming, status: 'PARTIAL', failureCode: 'INTERRUPTED' };
    const given: number[] = [];
    expect(await readAfter(log, { rows: [cut], given })).toMatchObject([{ sequence: 1 }, { sequence: 2 }]);
    expect(await readAfter(log, { rows: [cut], after: 9, given })).toMatchObject([{ type: 'failed', sequence: 10 }]);
    expect(given).toEqual([2, 10]);
    expect(await readAfter(log, { rows: [{ ...cut, endsGiven: given }], after: 10, given })).toEqual([]);
    expect(await readAfter(log, { rows: [complete], given })).toMatchObject(whole);
    expect(given).toEqual([2, 10]);
    await log.close();
  });

  it('ends without an event for a reader ahead of all that comes', async () => {
    const log = new MemoryEventLog();
    expect(await readAfter(log, { rows: [streaming, complete], after: 3 })).toEqual([]);
    expect(await readAfter(log, { rows: [streaming, complete], after: 99 })).toEqual([]);
    await log.close();
  });

  it('ends with DELETED when the message is gone', async () => {
    const log = new MemoryEventLog();
    expect(await read(log, streaming, null)).toMatchObject([{ type: 'delta' }, { type: 'failed', code: 'DELETED' }]);
    await log.close();
  });
});
