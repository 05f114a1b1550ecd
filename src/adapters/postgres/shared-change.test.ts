import { AsyncLocalStorage } from 'node:async_hooks';
import { describe, expect, it } from '@jest/globals';
import { Unavailable } from '../../kernel/errors.js';
import type { SharedChangeParts } from '../../ports/database.js';
import { MOST_CHANGES, SharedChange } from './shared-change.js';

const turn = () => new Promise((resolve) => setImmediate(resolve));

/** Made of its group, the rows that it locks and a number: `g:a+b:1`. */
const partsOf = (input: string) => {
  const [group = '', locks = ''] = input.split(':');
  return { group, locks: locks.split('+') };
};

/** Notes the inputs of each statement, and answers `done <input>`; leaves out, in a statement of several, inputs that end in `?`. */
function changer(fail: (inputs: readonly string[]) => Error | undefined = () => undefined) {
  const made: (readonly string[])[] = [];
  const make = async (inputs: readonly string[]) => {
    made.push(inputs);
    await turn();
    const failure = fail(inputs);
    if (failure !== undefined) throw failure;
  };
  const parts: SharedChangeParts<string, string> = {
    sharingOf: partsOf,
    alone: async (input) => {
      await make([input]);
      return `done ${input}`;
    },
    together: async (inputs) => {
      await make(inputs);
      return inputs.map((input) => (input.endsWith('?') ? undefined : `done ${input}`));
    },
  };
  return { made, change: new SharedChange(parts) };
}

const outcomes = async (results: readonly Promise<string>[]) =>
  (await Promise.allSettled(results)).map((result) =>
    result.status === 'fulfilled' ? result.value : (result.reason as Error).message,
  );

describe('SharedChange', () => {
  it('makes the changes of a turn together, group by group, and gives each call what its own came to', async () => {
    const { made, change } = changer();
    const inputs = ['g:a:1', 'h:b:2', 'g:c:3', 'h:d:4', 'i:e:5'];
    expect(await outcomes(inputs.map((input) => change.make(input)))).toEqual(inputs.map((input) => `done ${input}`));
    expect(made).toEqual([['g:a:1', 'g:c:3'], ['h:b:2', 'h:d:4'], ['i:e:5']]);
  });

  it('makes a change alone that comes when the others are under way', async () => {
    const { made, change } = changer();
    const first = change.make('g:a:1');
    await turn();
    expect(await outcomes([first, change.make('g:b:2')])).toEqual(['done g:a:1', 'done g:b:2']);
    expect(made).toEqual([['g:a:1'], ['g:b:2']]);
  });

  it('makes those apart that lock what another of them locks', async () => {
    const { made, change } = changer();
    const inputs = ['g:a+b:1', 'g:b+c:2', 'g:d+e:3', 'g:a:4', 'g:c:5'];
    await outcomes(inputs.map((input) => change.make(input)));
    expect(made).toEqual([['g:a+b:1', 'g:d+e:3', 'g:c:5'], ['g:b+c:2'], ['g:a:4']]);
  });

  it('makes so many at a time that none waits for long', async () => {
    const { made, change } = changer();
    const inputs = Array.from({ length: 2 * MOST_CHANGES + 3 }, (_, index) => `g:${index}:`);
    expect(await outcomes(inputs.map((input) => change.make(input)))).toEqual(inputs.map((input) => `done ${input}`));
    expect(made.map(({ length }) => length)).toEqual([MOST_CHANGES, MOST_CHANGES, 3]);
  });

  it('makes alone what a statement has left out', async () => {
    const { made, change } = changer();
    const inputs = ['g:a:1', 'g:b:2?', 'g:c:3'];
    expect(await outcomes(inputs.map((input) => change.make(input)))).toEqual(inputs.map((input) => `done ${input}`));
    expect(made).toEqual([inputs, ['g:b:2?']]);
  });

  it('tells a failure of one change to its call alone', async () => {
    const { made, change } = changer((inputs) => (inputs.includes('g:b:2') ? new Error('not so') : undefined));
    const inputs = ['g:a:1', 'g:b:2', 'g:c:3'];
    expect(await outcomes(inputs.map((input) => change.make(input)))).toEqual(['done g:a:1', 'not so', 'done g:c:3']);
    expect(made).toEqual([inputs, ['g:a:1'], ['g:b:2'], ['g:c:3']]);
  });

  it('tells every call that the database is away, and makes nothing again', async () => {
    const { made, change } = changer(() => new Unavailable('away'));
    expect(await outcomes([change.make('g:a:1'), change.make('g:b:2')])).toEqual(['away', 'away']);
    expect(made).toHaveLength(1);
  });

  it('is part of nothing that a call is part of', async () => {
    const scope = new AsyncLocalStorage<string>();
    const seen: (string | undefined)[] = [];
    const see = (result: string) => {
      seen.push(scope.getStore());
      return Promise.resolve(result);
    };
    const change = new SharedChange<string, string>({
      sharingOf: partsOf,
      alone: see,
      together: (inputs) => Promise.all(inputs.map(see)),
    });
    const make = (input: string) =>
      scope.run(`call of ${input}`, async () => [await change.make(input), scope.getStore()]);
    expect(await Promise.all([make('g:a:1'), make('g:b:2')])).toEqual([
      ['g:a:1', 'call of g:a:1'],
      ['g:b:2', 'call of g:b:2'],
    ]);
    await make('g:a:3');
    expect(seen).toEqual([undefined, undefined, undefined]);
  });
});
