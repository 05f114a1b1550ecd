import { describe, expect, it } from '@jest/globals';
import { MOST_CHANGES, SharedChange } from './shared-change.js';
import { SharedRead } from './shared-read.js';
import { TurnsOfOneConnection } from './statement-turns.js';

const turn = () => new Promise((resolve) => setImmediate(resolve));
const NEVER = 1_000;

/** A single connection that others use or leave alone, and the statements that were sent to it. */
function connection() {
  const pool = { totalCount: 1, idleCount: 1, waitingCount: 0 };
  const turns = new TurnsOfOneConnection(pool);
  const sent: string[] = [];
  const read = new SharedRead<string>(
    async (keys) => {
      sent.push(`read ${keys.join()}`);
      return new Map(keys.map((key) => [key, key]));
    },
    { turns },
  );
  const change = new SharedChange<string, string>(
    {
      sharingOf: (input) => ({ group: '', locks: [input] }),
      alone: async (input) => {
        sent.push(`change ${input}`);
        return input;
      },
      together: async (inputs) => {
        sent.push(`change ${inputs.join()}`);
        return inputs;
      },
    },
    undefined,
    turns,
  );
  return { pool, sent, read, change };
}

describe('TurnsOfOneConnection', () => {
  it('begins a statement with the next turn where the connection is free', async () => {
    const { sent, read, change } = connection();
    const results = [read.get('a'), read.get('b')];
    expect(sent).toEqual([]);
    await turn();
    expect(sent).toEqual(['read a,b']);
    results.push(change.make('c'));
    await turn();
    expect(sent).toEqual(['read a,b', 'change c']);
    expect(await Promise.all(results)).toEqual(['a', 'b', 'c']);
  });

  it.each([
    ['is used', { idleCount: 0 }],
    ['is waited for', { waitingCount: 1 }],
  ])('takes calls into a statement while the connection %s', async (_, use) => {
    const { pool, sent, read } = connection();
    Object.assign(pool, use);
    const results = [];
    for (const key of ['a', 'b', 'c']) {
      results.push(read.get(key));
      await turn();
    }
    expect(sent).toEqual([]);
    Object.assign(pool, { idleCount: 1, waitingCount: 0 });
    await turn();
    expect(sent).toEqual(['read a,b,c']);
    expect(await Promise.all(results)).toEqual(['a', 'b', 'c']);
  });

  it('has changes wait for reads, whose requests may make the same change, but not once they are all that share a statement', async () => {
    const { pool, sent, read, change } = connection();
    pool.idleCount = 0;
    const first = change.make('a');
    const found = read.get('r').then(() => change.make('b'));
    await turn();
    pool.idleCount = 1;
    await Promise.all([first, found]);
    expect(sent).toEqual(['read r', 'change a,b']);

    pool.idleCount = 0;
    const inputs = Array.from({ length: MOST_CHANGES }, (_, index) => String(index));
    const results = Promise.all(inputs.map((input) => change.make(input)));
    await turn();
    expect(sent.at(-1)).toBe(`change ${inputs.join()}`);
    expect(await results).toEqual(inputs);
  });

  it('sends statements in the end that could wait for ever', async () => {
    const { pool, sent, read, change } = connection();
    pool.idleCount = 0;
    const results = Promise.all([read.get('r'), change.make('a')]);
    for (let turns = 0; sent.length < 2 && turns < NEVER; turns++) await turn();
    expect(sent).toEqual(['read r', 'change a']);
    expect(await results).toEqual(['r', 'a']);
  });
});
