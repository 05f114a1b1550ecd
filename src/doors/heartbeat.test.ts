import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { Beating, Heartbeat } from './heartbeat.js';

const INTERVAL_MS = 16_000;

class Stream extends Beating {
  beats = 0;

  constructor(private readonly onBeat?: () => void) {
    super();
  }

  override beat(): void {
    this.beats++;
    this.onBeat?.();
  }
}

let heartbeat: Heartbeat;
beforeEach(() => {
  jest.useFakeTimers({ doNotFake: ['nextTick', 'queueMicrotask'] });
  heartbeat = new Heartbeat(INTERVAL_MS);
});
afterEach(() => {
  jest.useRealTimers();
});

describe('a heartbeat', () => {
  it('beats for each stream once in an interval, whenever it came, by one timer', () => {
    const streams: Stream[] = [];
    for (let at = 0; at < INTERVAL_MS; at += 500) {
      const stream = new Stream();
      streams.push(stream);
      heartbeat.add(stream);
      expect(jest.getTimerCount()).toBe(1);
      jest.advanceTimersByTime(500);
    }
    jest.advanceTimersByTime(10 * INTERVAL_MS - INTERVAL_MS);
    for (const [index, { beats }] of streams.entries()) {
      const lived = 10 * INTERVAL_MS - index * 500;
      expect(beats).toBeGreaterThanOrEqual(Math.floor(lived / INTERVAL_MS));
      expect(beats).toBeLessThanOrEqual(Math.ceil(lived / INTERVAL_MS));
    }
  });

  it('stops for those that are removed, and ends its timer with the last', () => {
    const removing = new Stream(() => {
      heartbeat.remove(removing);
      heartbeat.remove(next);
    });
    const next = new Stream();
    const staying = new Stream();
    for (const stream of [removing, next, staying]) heartbeat.add(stream);
    jest.advanceTimersByTime(2 * INTERVAL_MS);
    expect([removing.beats, next.beats, staying.beats]).toEqual([1, 0, 2]);
    heartbeat.remove(removing);
    expect(jest.getTimerCount()).toBe(1);
    heartbeat.remove(staying);
    expect(jest.getTimerCount()).toBe(0);
    heartbeat.add(removing);
    jest.advanceTimersByTime(INTERVAL_MS);
    expect([removing.beats, staying.beats]).toEqual([2, 2]);
    expect(jest.getTimerCount()).toBe(0);
  });

  it('beats as often where the process is late at every turn of the timer', () => {
    const stream = new Stream();
    // Half as much time again goes by as the timer was set to.
    const clock = jest.spyOn(performance, 'now').mockImplementation(() => 1.5 * Date.now());
    heartbeat.add(stream);
    jest.advanceTimersByTime((10 * INTERVAL_MS) / 1.5 + INTERVAL_MS / 16);
    clock.mockRestore();
    expect(stream.beats).toBe(10);
  });

  it('leaves most of an interval between two beats after a long pause', () => {
    const stream = new Stream();
    let pause = 0;
    const clock = jest.spyOn(performance, 'now').mockImplementation(() => Date.now() + pause);
    heartbeat.add(stream);
    jest.advanceTimersByTime(INTERVAL_MS);
    pause = 10 * INTERVAL_MS;
    jest.advanceTimersByTime((3 * INTERVAL_MS) / 4 - 1);
    expect(stream.beats).toBe(1);
    jest.advanceTimersByTime(INTERVAL_MS / 4);
    clock.mockRestore();
    expect(stream.beats).toBe(2);
  });
});
