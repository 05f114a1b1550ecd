import { describe, expect, it } from '@jest/globals';
import { setImmediate as turn } from 'node:timers/promises';
import { atOnce, inTurn } from './in-turn.js';

/** Looks that note when they begin, and end when the test says so. */
function looks() {
  const begun: string[] = [];
  const ends = new Map<string, PromiseWithResolvers<undefined>>();
  const look = (name: string) => async () => {
    begun.push(name);
    const end = Promise.withResolvers<undefined>();
    ends.set(name, end);
    await end.promise;
  };
  return { begun, look, end: (name: string) => ends.get(name) };
}

describe('looks', () => {
  it('are taken one after the other, also where one failed', async () => {
    const { begun, look, end } = looks();
    const all = [inTurn(look('one')), inTurn(look('two')), inTurn(look('three'))];
    await turn();
    expect(begun).toEqual(['one']);
    end('one')?.reject(new Error('the database is away'));
    await expect(all[0]).rejects.toThrow('away');
    await turn();
    expect(begun).toEqual(['one', 'two']);
    end('two')?.resolve(undefined);
    await all[1];
    await turn();
    expect(begun).toEqual(['one', 'two', 'three']);
    end('three')?.resolve(undefined);
    await all[2];
  });

  it('that must not wait are begun at once, before those that are due with them', async () => {
    const { begun, look, end } = looks();
    const all = [inTurn(look('one')), atOnce(look('urgent')), inTurn(look('two'))];
    expect(begun).toEqual(['one', 'urgent']);
    end('one')?.resolve(undefined);
    await all[0];
    await turn();
    expect(begun).toEqual(['one', 'urgent']);
    end('urgent')?.resolve(undefined);
    await all[1];
    await turn();
    end('two')?.resolve(undefined);
    await all[2];
    expect(begun).toEqual(['one', 'urgent', 'two']);
  });

  it('do not wait without an end for one that has no answer', async () => {
    const { begun, look, end } = looks();
    const silent = inTurn(look('silent'));
    const other = Promise.withResolvers<undefined>();
    const next = inTurn(() => {
      other.resolve(undefined);
      return Promise.resolve();
    });
    await other.promise;
    await next;
    expect(begun).toEqual(['silent']);
    end('silent')?.resolve(undefined);
    await silent;
    const after = inTurn(look('after'));
    expect(begun).toEqual(['silent', 'after']);
    end('after')?.resolve(undefined);
    await after;
  });
});
