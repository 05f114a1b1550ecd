import { describe, expect, it } from '@jest/globals';
import { PUSH } from '../../kernel/pushed.js';
import { AsyncQueue } from './async-queue.js';

/** A queue whose items are pushed to a receiver that takes `room` of them at a time. */
function pushing(room: number, maxQueued = 10) {
  const told: unknown[] = [];
  const ended: string[] = [];
  const controller = new AbortController();
  const queue = new AsyncQueue<number>(controller.signal, maxQueued, () => ended.push('ended'));
  const feed = queue[PUSH]({
    take: (item) => told.push(item) % room !== 0,
    end: () => told.push('end'),
    fail: (error) => told.push((error as Error).message),
  });
  return { queue, feed, told, ended, controller };
}

describe('a queue that pushes', () => {
  it('gives nothing before it is resumed, then at the pace of its receiver', () => {
    const { queue, feed, told } = pushing(2);
    queue.push(1);
    expect(told).toEqual([]);
    feed.resume();
    for (const item of [2, 3, 4, 5]) queue.push(item);
    expect(told).toEqual([1, 2]);
    feed.resume();
    expect(told).toEqual([1, 2, 3, 4]);
    feed.resume();
    queue.push(6);
    expect(told).toEqual([1, 2, 3, 4, 5, 6]);
  });

  it('tells of the end at once, and one who wants no more once it is resumed', () => {
    const waiting = pushing(10);
    waiting.feed.resume();
    waiting.controller.abort();
    waiting.queue.push(1);
    waiting.feed.resume();
    expect([waiting.told, waiting.ended]).toEqual([['end'], ['ended']]);
    const full = pushing(1);
    full.feed.resume();
    full.queue.push(1);
    full.queue.end(new Error('lost'));
    expect(full.told).toEqual([1]);
    full.feed.resume();
    expect([full.told, full.ended]).toEqual([[1, 'lost'], ['ended']]);
  });

  it('fails for a receiver that falls too far behind', () => {
    const { queue, feed, told } = pushing(1, 2);
    feed.resume();
    for (const item of [1, 2, 3, 4, 5]) queue.push(item);
    feed.resume();
    expect(told).toEqual([1, 'The reader fell too far behind the event stream']);
  });

  it('tells nothing after it was stopped', () => {
    const { queue, feed, told, ended } = pushing(10);
    feed.resume();
    feed.stop();
    queue.push(1);
    queue.end();
    expect([told, ended]).toEqual([[], ['ended']]);
  });
});
