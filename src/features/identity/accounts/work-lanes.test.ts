import { describe, expect, it } from '@jest/globals';
import { Unavailable } from '../../../kernel/errors.js';
import { WorkLanes } from './work-lanes.js';

type Name = 'fast' | 'slow';

/** Lanes whose work ends one piece at a time, in the order in which it was started. */
class Bench {
  readonly started: string[] = [];
  readonly refused: { readonly label: string; readonly error: unknown }[] = [];
  readonly #ends: (() => void)[] = [];
  readonly #lanes: WorkLanes<Name>;

  constructor(places: number, maxWaiting = 100) {
    const rules = {
      fast: { weight: 4, maxWaiting, mayFill: true, refusal: 'too fast' },
      slow: { weight: 1, maxWaiting, mayFill: false, refusal: 'too slow' },
    };
    this.#lanes = new WorkLanes(rules, places);
  }

  async ask(name: Name, whose: string, ...numbers: number[]): Promise<void> {
    for (const number of numbers) {
      const label = `${name} ${whose}${number}`;
      const work = () => {
        this.started.push(label);
        return new Promise<void>((end) => this.#ends.push(end));
      };
      this.#lanes.run(name, whose, work).catch((error: unknown) => this.refused.push({ label, error }));
    }
    await settled();
  }

  async end(count: number): Promise<void> {
    for (let index = 0; index < count; index += 1) {
      this.#ends.shift()?.();
      await settled();
    }
  }
}

const settled = () => new Promise((resolve) => setImmediate(resolve));

describe('lanes of work', () => {
  it('let a newcomer of the lane that may fill them start at once, however long the other lane is', async () => {
    const bench = new Bench(2);
    await bench.ask('slow', 'a', 1, 2, 3, 4);
    expect(bench.started).toEqual(['slow a1']);
    await bench.ask('fast', 'b', 1);
    expect(bench.started).toEqual(['slow a1', 'fast b1']);
    await bench.end(2);
    expect(bench.started).toEqual(['slow a1', 'fast b1', 'slow a2']);
  });

  it('share the places by weight when both are full, and starve neither', async () => {
    const bench = new Bench(1);
    const many = Array.from({ length: 20 }, (_, index) => index);
    await bench.ask('slow', 'a', ...many);
    await bench.ask('fast', 'b', ...many);
    await bench.end(14);
    const slow = bench.started.filter((label) => label.startsWith('slow'));
    expect({ slow: slow.length, fast: bench.started.length - slow.length }).toEqual({ slow: 3, fast: 12 });
  });

  it('let a lane save up nothing while it is idle', async () => {
    const bench = new Bench(1);
    await bench.ask('fast', 'b', ...Array.from({ length: 20 }, (_, index) => index));
    await bench.end(8);
    await bench.ask('slow', 'a', 1, 2, 3, 4, 5);
    await bench.end(5);
    expect(bench.started.slice(-5).filter((label) => label.startsWith('slow'))).toHaveLength(1);
  });

  it('serve the clients of a lane in turn', async () => {
    const bench = new Bench(1);
    await bench.ask('fast', 'a', 1, 2, 3);
    await bench.ask('fast', 'b', 1, 2);
    await bench.ask('fast', 'c', 1);
    await bench.end(6);
    expect(bench.started).toEqual(['fast a1', 'fast a2', 'fast b1', 'fast c1', 'fast a3', 'fast b2']);
  });

  it('refuse the latest of the client with the most when a lane is full, with the time to come back', async () => {
    const bench = new Bench(1, 3);
    await bench.ask('fast', 'a', 1, 2, 3, 4, 5);
    await bench.ask('fast', 'b', 1);
    await bench.ask('slow', 'a', 1, 2, 3);
    expect(bench.refused.map(({ label }) => label)).toEqual(['fast a5', 'fast a4']);
    const [{ error } = { error: undefined }] = bench.refused;
    expect(error).toBeInstanceOf(Unavailable);
    expect(error).toMatchObject({ message: 'too fast', details: { retryAfter: 5 } });
    await bench.end(7);
    expect(bench.started).toHaveLength(7);
  });

  it('go on after work that fails', async () => {
    const lanes = new WorkLanes({ only: { weight: 1, maxWaiting: 1, mayFill: false, refusal: '' } }, 1);
    await expect(lanes.run('only', '', () => Promise.reject(new Error('broken')))).rejects.toThrow('broken');
    await expect(lanes.run('only', '', () => Promise.resolve('done'))).resolves.toBe('done');
  });
});
