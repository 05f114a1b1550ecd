import { describe, expect, it } from '@jest/globals';
import { systemTimers } from '../../../kernel/timers.js';
import { PartStates } from './part-states.js';

describe('the states of parts', () => {
  it('say since when they hold, and why a part fails, in the order of the parts', async () => {
    let minute = 0;
    let isAway = false;
    const at = (value: number) => new Date(Date.UTC(2026, 0, 1, 0, value));
    const failure = new Error('The database cannot be reached', { cause: new Error('ECONNREFUSED') });
    const states = new PartStates({
      parts: () => [
        { name: 'database', look: () => (isAway ? Promise.reject(failure) : Promise.resolve('ok')) },
        { name: 'model fast', look: () => Promise.resolve('open') },
      ],
      clock: { now: () => at(minute) },
      timers: systemTimers,
    });
    const model = { name: 'model fast', state: 'open', since: at(0), reason: null };
    expect(await states.look()).toEqual([{ name: 'database', state: 'ok', since: at(0), reason: null }, model]);
    minute = 1;
    expect(await states.look()).toEqual([{ name: 'database', state: 'ok', since: at(0), reason: null }, model]);
    isAway = true;
    const failing = { name: 'database', state: 'failing', reason: 'The database cannot be reached (ECONNREFUSED)' };
    expect(await states.look()).toEqual([{ ...failing, since: at(1) }, model]);
    minute = 2;
    expect(await states.look()).toEqual([{ ...failing, since: at(1) }, model]);
    isAway = false;
    expect(await states.look()).toEqual([{ name: 'database', state: 'ok', since: at(2), reason: null }, model]);
  });

  it('do not wait for a part that is silent', async () => {
    const late = Promise.withResolvers<undefined>();
    const states = new PartStates({
      parts: () => [{ name: 'store', look: () => new Promise(() => undefined) }],
      clock: { now: () => new Date(0) },
      // Its time is over at once.
      timers: {
        sleep: () => {
          late.resolve(undefined);
          return late.promise;
        },
      },
    });
    expect(await states.look()).toMatchObject([{ name: 'store', state: 'failing', reason: 'no answer within 2 s' }]);
  });
});
