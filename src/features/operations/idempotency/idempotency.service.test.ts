import { describe, expect, it } from '@jest/globals';
import { Conflict } from '../../../kernel/errors.js';
import { SecretBox } from '../../../kernel/secret-box.js';
import type { Timers } from '../../../kernel/timers.js';
import { Fingerprints } from './fingerprint.js';
import type { IdempotencyRepository } from './idempotency.repository.js';
import { IdempotencyService } from './idempotency.service.js';

const SECRETS = ['a secret of thirty-two bytes, or more'];
const FIELD = { userId: 'somebody', field: 'createConversation', args: {}, goesOn: false, answerOnly: [] };

/** A service that finds every key claimed by another instance, on a clock that goes by what is waited for. */
function serviceBeside() {
  let now = 0;
  const looks: number[] = [];
  const fingerprints = new Fingerprints(SECRETS);
  const [fingerprint] = fingerprints.of(FIELD);
  const timers: Timers = {
    now: () => now,
    sleep: (milliseconds) => {
      now += milliseconds;
      return Promise.resolve();
    },
    after: () => () => undefined,
  };
  const claim: IdempotencyRepository['claim'] = () => {
    looks.push(now);
    return Promise.resolve({ isClaimed: false, fingerprint, outcome: null });
  };
  const service = new IdempotencyService({
    database: { act: () => Promise.reject(new Error('acts')), query: () => Promise.reject(new Error('asks')) },
    repository: { claim } as IdempotencyRepository,
    fingerprints,
    box: new SecretBox(SECRETS, 'test'),
    timers,
  });
  return { service, looks };
}

describe('a call whose key another instance acts under', () => {
  it('waits for 20 s, looking less and less often, and is then told to come back', async () => {
    const { service, looks } = serviceBeside();
    const request = service.request({ key: 'k', signal: new AbortController().signal, onReplay: () => undefined });
    const failure = await request.call(FIELD, () => Promise.resolve('done')).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(Conflict);
    expect(failure).toMatchObject({ details: { retryAfter: 1 } });
    expect(looks[0]).toBe(0);
    expect(looks.at(-1)).toBeGreaterThanOrEqual(20_000);
    expect(looks.length).toBeLessThan(60);
  });

  it('waits no longer than its client does', async () => {
    const { service, looks } = serviceBeside();
    const request = service.request({ key: 'k', signal: AbortSignal.abort(), onReplay: () => undefined });
    await expect(request.call(FIELD, () => Promise.resolve('done'))).rejects.toThrow(Conflict);
    expect(looks).toEqual([0]);
  });
});
