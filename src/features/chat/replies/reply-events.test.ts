import { describe, expect, it } from '@jest/globals';
import { feedOf } from '../../../kernel/pushed.js';
import { GrowingTranscript, type ContentEvent } from '../messages/reply-transcript.js';
import type { SequencedReplyEvent } from './reply.js';
import { ReplyEvents } from './reply-events.js';

const { signal } = new AbortController();
const END = { type: 'completed', response: 'all', tokens: 1, messageId: null } as const;

/** One of each kind in turn, in runs of different lengths. */
function eventOf(number: number): ContentEvent {
  if (number % 11 === 0) {
    return { type: 'tool-call', id: `call-${number}`, name: 'look', arguments: '{}', server: null };
  }
  if (number % 13 === 0) return { type: 'tool-result', callId: `call-${number}`, output: 'seen', error: null };
  return { type: number % 7 < 3 ? 'reasoning' : 'delta', text: `text ${number} ` };
}

const numbers = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, index) => from + index);
const expected = (from: number, to: number) =>
  numbers(from, to).map((sequence) => ({ ...eventOf(sequence), sequence }));

async function all(events: AsyncIterable<SequencedReplyEvent>): Promise<SequencedReplyEvent[]> {
  const read: SequencedReplyEvent[] = [];
  for await (const event of events) read.push(event);
  return read;
}

/** A reader that is pushed to, and takes one event for each `resume`. */
function slowReader(events: ReplyEvents, after: number) {
  const taken: SequencedReplyEvent[] = [];
  const feed = feedOf(events.follow(after, signal), {
    take(event) {
      taken.push(event);
      return false;
    },
    end: () => undefined,
    fail: (error) => {
      throw error;
    },
  });
  return { taken, feed };
}

describe('the events of a reply in memory', () => {
  it('are the same for readers at any point, however far behind', async () => {
    const events = new ReplyEvents(new GrowingTranscript());
    const slow = slowReader(events, 0);
    for (const number of numbers(1, 100)) {
      events.add(eventOf(number));
      events.show(events.last);
      if (number % 3 === 0) slow.feed.resume();
    }
    events.add(END);
    events.show(events.last);
    for (const after of [0, 1, 50, 84, 92, 99]) {
      const read = await all(events.follow(after, signal));
      expect(read).toEqual([...expected(after + 1, 100), { ...END, sequence: 101 }]);
    }
    while (slow.taken.length < 101) slow.feed.resume();
    expect(slow.taken).toEqual([...expected(1, 100), { ...END, sequence: 101 }]);
  });

  it('go on after those of earlier rounds, and are given from any number to be written into the log', () => {
    const transcript = new GrowingTranscript();
    for (const number of numbers(1, 30)) transcript.add(eventOf(number));
    const events = new ReplyEvents(new GrowingTranscript(transcript.copy));
    expect([events.last, events.shown]).toEqual([30, 30]);
    for (const number of numbers(31, 60)) events.add(eventOf(number));
    for (const after of [0, 29, 30, 45, 59, 60]) expect(events.after(after)).toEqual(expected(after + 1, 60));
  });

  it('are not given before they are shown', () => {
    const events = new ReplyEvents(new GrowingTranscript());
    const reader = slowReader(events, 0);
    for (const number of numbers(1, 40)) events.add(eventOf(number));
    events.show(2);
    for (let turn = 0; turn < 5; turn++) reader.feed.resume();
    expect(reader.taken).toEqual(expected(1, 2));
  });
});
