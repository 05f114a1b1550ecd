import { setImmediate as turn } from 'node:timers/promises';
import { describe, expect, it } from '@jest/globals';
import { currentRequestId, duringRequest, logOfRequests, openRequest } from './request-scope.js';

describe('the request that work belongs to', () => {
  it('is known through promises until the request is over, and not to what goes on for others', async () => {
    const seen: unknown[] = [];
    const { result, close } = openRequest('one', async () => {
      await turn();
      seen.push(currentRequestId());
      await turn();
      await turn();
      return currentRequestId();
    });
    await turn();
    await turn();
    close();
    expect([...seen, await result, currentRequestId()]).toEqual(['one', undefined, undefined]);
  });

  it('is another one for work that outlives it', async () => {
    const late = Promise.withResolvers<undefined>();
    const { result, close } = openRequest('one', () => ({
      named: duringRequest('two', () => late.promise.then(currentRequestId)),
      nameless: duringRequest(undefined, () => Promise.resolve(currentRequestId())),
    }));
    close();
    late.resolve(undefined);
    expect(await Promise.all([result.named, result.nameless])).toEqual(['two', undefined]);
  });

  it('is in each line that names no other', () => {
    const lines: object[] = [];
    const write = (fields: object) => void lines.push(fields);
    const log = logOfRequests({ debug: write, info: write, warn: write, error: write });
    openRequest('one', () => {
      log.debug?.({}, '');
      log.info({ a: 1 }, '');
      log.warn({ requestId: 'two' }, '');
    });
    log.error({}, '');
    expect(lines).toEqual([{ requestId: 'one' }, { requestId: 'one', a: 1 }, { requestId: 'two' }, {}]);
  });
});
