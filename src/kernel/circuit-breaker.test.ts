import { beforeEach, describe, expect, it } from '@jest/globals';
import { CircuitBreaker, type BreakerCall, type BreakerState } from './circuit-breaker.js';

const START = new Date('2026-01-31T12:00:00Z').getTime();

let now: number;
let changes: BreakerState[];
let breaker: CircuitBreaker;
beforeEach(() => {
  now = 0;
  changes = [];
  breaker = new CircuitBreaker({
    failures: 3,
    openMs: 1_000,
    clock: { now: () => new Date(START + now) },
    timers: { now: () => now },
    onChange: ({ state }) => changes.push(state),
  });
});

function entered(): BreakerCall {
  const call = breaker.enter();
  if (call === null) throw new Error('no call may be made');
  return call;
}

function open() {
  for (let call = 0; call < 3; call++) entered().failed('refused');
}

describe('a circuit breaker', () => {
  it('opens after so many failures in a row, and lets nothing through', () => {
    entered().failed('refused');
    entered().failed('refused');
    entered().succeeded();
    expect(breaker.report).toMatchObject({ state: 'CLOSED', failures: 0, openedAt: null, retryAt: null });
    open();
    expect(breaker.enter()).toBeNull();
    expect(breaker.report).toEqual({
      state: 'OPEN',
      failures: 3,
      openedAt: new Date(START),
      retryAt: new Date(START + 1_000),
      lastFailure: 'refused',
    });
    expect(changes).toEqual(['OPEN']);
  });

  it('lets one call through after a while, and opens again when that fails', () => {
    open();
    now = 1_000;
    expect(breaker.report.state).toBe('HALF_OPEN');
    const probe = entered();
    expect(breaker.enter()).toBeNull();
    probe.failed('refused again');
    expect(breaker.report).toMatchObject({
      state: 'OPEN',
      retryAt: new Date(START + 2_000),
      lastFailure: 'refused again',
    });
    expect(breaker.enter()).toBeNull();
  });

  it('closes as soon as that call is answered, long before its answer ends', () => {
    open();
    now = 1_000;
    const probe = entered();
    probe.answers();
    expect(breaker.report).toMatchObject({ state: 'CLOSED', failures: 0 });
    expect(breaker.enter()).not.toBeNull();
    // The answer breaks off: one failure, as of any other call.
    probe.failed('cut');
    expect(breaker.report).toMatchObject({ state: 'CLOSED', failures: 1 });
    expect(changes).toEqual(['OPEN', 'CLOSED']);
  });

  it('lets another call through when the caller of that one has left', () => {
    open();
    now = 1_000;
    entered().left();
    expect(breaker.report.state).toBe('HALF_OPEN');
    entered().succeeded();
    expect(breaker.report.state).toBe('CLOSED');
  });

  it('learns nothing from calls that began before it opened', () => {
    const [slow, slower] = [entered(), entered()];
    open();
    slow.succeeded();
    expect(breaker.report.state).toBe('OPEN');
    now = 500;
    slower.failed('late');
    expect(breaker.report).toMatchObject({ state: 'OPEN', failures: 3, retryAt: new Date(START + 1_000) });
  });

  it('counts answers that break off together once, and calls without an answer each', () => {
    const answers = [entered(), entered(), entered(), entered()];
    for (const answer of answers) answer.answers();
    for (const answer of answers) answer.failed('cut');
    expect(breaker.report).toMatchObject({ state: 'CLOSED', failures: 1, lastFailure: 'cut' });
    const next = entered();
    next.answers();
    next.failed('cut again');
    expect(breaker.report.failures).toBe(2);
    entered().succeeded();
    const refused = [entered(), entered(), entered()];
    for (const call of refused) call.failed('refused');
    expect(breaker.report.state).toBe('OPEN');
  });

  it('takes one verdict of a call', () => {
    const call = entered();
    call.failed('refused');
    call.failed('refused');
    call.left();
    expect(breaker.report.failures).toBe(1);
  });

  it('is closed by hand, and then takes as many failures as ever', () => {
    open();
    expect(breaker.reset()).toBe(true);
    expect(breaker.report).toMatchObject({ state: 'CLOSED', failures: 0, openedAt: null, retryAt: null });
    entered().failed('refused');
    expect(breaker.reset()).toBe(false);
    expect(breaker.report).toMatchObject({ state: 'CLOSED', failures: 0 });
    open();
    expect(breaker.report.state).toBe('OPEN');
    expect(changes).toEqual(['OPEN', 'OPEN']);
  });

  it('goes by no call from before it was closed by hand', () => {
    const early = entered();
    const old = [entered(), entered(), entered()];
    open();
    now = 1_000;
    const probe = entered();
    expect(breaker.reset()).toBe(true);
    for (const call of [...old, probe]) call.failed('refused');
    expect(breaker.report).toMatchObject({ state: 'CLOSED', failures: 0 });
    entered().failed('refused');
    early.succeeded();
    expect(breaker.report.failures).toBe(1);
  });

  it('is closed by what was said while it was open, through probes that failed, and not by what was said before', () => {
    now = 5_000;
    open();
    now = 6_000;
    entered().failed('refused');
    expect(breaker.reset(1_001)).toBe(false);
    expect(breaker.report.state).toBe('OPEN');
    expect(breaker.reset(1_000)).toBe(true);
    expect(breaker.report.state).toBe('CLOSED');
    now = 7_000;
    open();
    expect(breaker.reset(1_000)).toBe(false);
    expect(breaker.report.state).toBe('OPEN');
  });
});
