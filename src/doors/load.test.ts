import type { IncomingMessage } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, it } from '@jest/globals';
import { LoadShedding, measureLag } from './load.js';

describe('load shedding', () => {
  const request = (url: string, headers: Readonly<Record<string, string>> = {}) =>
    ({ url, headers }) as IncomingMessage;
  const anonymous = request('/graphql');
  const known = request('/graphql', { authorization: 'Bearer x' });
  const health = request('/health/live');

  function shedding() {
    const state = { lagMs: 0 };
    const lines: string[] = [];
    const log = {
      info: (_fields: object, message: string) => void lines.push(message),
      warn: (_fields: object, message: string) => void lines.push(message),
    };
    return { state, lines, load: new LoadShedding({ requests: 100, lagMs: 1_000 }, () => state.lagMs, log) };
  }

  it('refuses those first who do not say who they are, and health checks never', () => {
    const { load } = shedding();
    const admitted = (waiting: number) => [anonymous, known, health].map((which) => load.admits(which, waiting));
    expect(admitted(74)).toEqual([true, true, true]);
    expect(admitted(75)).toEqual([false, true, true]);
    expect(admitted(99)).toEqual([false, true, true]);
    expect(admitted(100)).toEqual([false, false, true]);
  });

  it('does the same while the event loop is late, and says when it begins and ends', () => {
    const { state, load, lines } = shedding();
    for (const [lagMs, expected] of [
      [749, [true, true]],
      [750, [false, true]],
      [1_000, [false, false]],
      [0, [true, true]],
    ] as const) {
      state.lagMs = lagMs;
      expect([anonymous, known].map((which) => load.admits(which, 0))).toEqual(expected);
    }
    expect(lines).toEqual([expect.stringMatching(/^requests are refused/), 'no more requests are refused']);
  });

  it.each([
    request('/api/v1/messages/1/stream?ticket=x'),
    request('/api/v1/users/me', { 'x-internal-key': 'x' }),
    request('/graphql', { upgrade: 'websocket' }),
  ])('takes other credentials for credentials, too', (which) => {
    expect(shedding().load.admits(which, 99)).toBe(true);
  });
});

describe('the lag of the event loop', () => {
  /** Keeps the loop late for so long. */
  const toil = async (milliseconds: number) => {
    const end = performance.now() + milliseconds;
    while (performance.now() < end) {
      const turn = performance.now() + 60;
      while (performance.now() < turn);
      await delay(1);
    }
  };

  it('is known a second after the first question, and not measured when nobody has asked for a while', async () => {
    const { now, stop } = measureLag();
    try {
      await toil(1_500);
      expect(now()).toBe(0);
      await toil(1_500);
      expect(now()).toBeGreaterThan(20);
      // Much to do is a reason to go on without a question.
      await toil(3_000);
      expect(now()).toBeGreaterThan(20);
      await delay(4_000);
      await toil(1_500);
      expect(now()).toBe(0);
    } finally {
      stop();
    }
  }, 60_000);
});
