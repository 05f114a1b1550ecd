import type { Clock } from './clock.js';
import type { Timers } from './timers.js';

/**
 * CLOSED: calls are made. OPEN: none is made, since the latest failed. HALF_OPEN: one call at a time finds out whether the
 * server answers again.
 */
export type BreakerState = 'CLOSED' | 'OPEN' | 'HALF_OPEN';

export interface BreakerReport {
  readonly state: BreakerState;
  /** Failures since the last success. */
  readonly failures: number;
  /** When it opened last, and when a call is tried again; null while it is closed. */
  readonly openedAt: Date | null;
  readonly retryAt: Date | null;
  /** What the last failure was; null before the first. */
  readonly lastFailure: string | null;
}

/** A call that is under way. */
interface Entered {
  /** How many failures there had been when it began. */
  readonly failuresBefore: number;
  /** How often someone had reset the breaker when it began. */
  readonly resetsBefore: number;
  hasAnswer: boolean;
}

/** One call through a breaker. What is said after the first verdict but {@link answers} counts for nothing. */
export interface BreakerCall {
  /** The server has begun to answer: others may call it again, however long this answer takes. */
  answers(): void;
  succeeded(): void;
  failed(reason: string): void;
  /** The call ended without telling anything about the server: its caller left. */
  left(): void;
}

export interface BreakerOptions {
  /** Failures in a row that open it. */
  readonly failures: number;
  readonly openMs: number;
  readonly clock: Clock;
  readonly timers: Pick<Timers, 'now'>;
  readonly onChange?: ((report: BreakerReport) => void) | undefined;
}

/**
 * Keeps calls from a server that fails. After so many failures in a row it is left alone for a time; then one call is let
 * through, which decides whether the others may follow.
 *
 * Answers that break off together, since a server restarts, are one failure: of those that had begun, one counts only where no
 * other call has failed since. A server that gives no answer at all is left alone after as many calls, made at once or not.
 */
export class CircuitBreaker {
  #failures = 0;
  /** All failures ever, by which calls know what happened since they began. */
  #allFailures = 0;
  #lastFailure: string | null = null;
  #opened: { readonly at: Date; readonly until: number } | null = null;
  /** Since when it is not closed, through all probes that failed. */
  #shutSince: number | null = null;
  #resets = 0;
  #probe: Entered | null = null;

  constructor(private readonly options: BreakerOptions) {}

  get report(): BreakerReport {
    const { openMs } = this.options;
    const openedAt = this.#opened?.at ?? null;
    return {
      state: this.#state,
      failures: this.#failures,
      openedAt,
      retryAt: openedAt && new Date(openedAt.getTime() + openMs),
      lastFailure: this.#lastFailure,
    };
  }

  /**
   * Closes it, as if no call had failed: someone knows that the server answers. Calls that are under way count for nothing.
   * @param agoMs when they said so; one that has left the server alone for a shorter time stays as it is, since they did not
   *   mean that
   * @returns whether it was not closed, and is now
   */
  reset(agoMs = 0): boolean {
    const isShut = this.#shutSince !== null;
    if (this.#shutSince !== null && this.options.timers.now() - agoMs < this.#shutSince) return false;
    this.#resets++;
    this.#clear();
    return isShut;
  }

  /** @returns null when no call may be made now */
  enter(): BreakerCall | null {
    const state = this.#state;
    if (state === 'OPEN' || (state === 'HALF_OPEN' && this.#probe !== null)) return null;
    const call: Entered = {
      failuresBefore: this.#allFailures,
      resetsBefore: this.#resets,
      hasAnswer: false,
    };
    if (state === 'HALF_OPEN') this.#probe = call;
    let isDecided = false;
    const decide = (verdict: () => void) => () => {
      if (isDecided) return;
      isDecided = true;
      verdict();
    };
    return {
      answers: () => {
        call.hasAnswer = true;
        if (this.#probe === call) this.#close();
      },
      succeeded: decide(() => {
        this.#succeed(call);
      }),
      failed: (reason) => {
        decide(() => {
          this.#fail(call, reason);
        })();
      },
      left: decide(() => {
        if (this.#probe === call) this.#probe = null;
      }),
    };
  }

  get #state(): BreakerState {
    if (this.#opened === null) return 'CLOSED';
    return this.options.timers.now() < this.#opened.until ? 'OPEN' : 'HALF_OPEN';
  }

  /** A call that began before it opened says nothing about the server as it is now. */
  #succeed(call: Entered): void {
    if (call.resetsBefore < this.#resets) return;
    if (this.#probe === call) this.#close();
    else if (this.#opened === null) this.#failures = 0;
  }

  #fail(call: Entered, reason: string): void {
    if (call.resetsBefore < this.#resets) return;
    const isProbe = this.#probe === call;
    if (this.#opened !== null && !isProbe) return;
    this.#lastFailure = reason;
    const isOneOfSeveral = call.hasAnswer && call.failuresBefore < this.#allFailures;
    this.#allFailures++;
    if (isOneOfSeveral) return;
    this.#failures++;
    if (isProbe || this.#failures >= this.options.failures) this.#open();
  }

  #open(): void {
    const { clock, timers, openMs, onChange } = this.options;
    this.#probe = null;
    const now = timers.now();
    this.#opened = { at: clock.now(), until: now + openMs };
    this.#shutSince ??= now;
    onChange?.(this.report);
  }

  #clear(): void {
    this.#probe = null;
    this.#opened = null;
    this.#shutSince = null;
    this.#failures = 0;
  }

  #close(): void {
    this.#clear();
    this.options.onChange?.(this.report);
  }
}
