import type { Log } from './kernel/log.js';

/** How long a step of a shutdown may take that has no limit of its own: what it closes answers within that, or not at all. */
const STEP_MS = 2_000;

interface Step {
  /** What it closes, for the log. */
  readonly name: string;
  readonly close: () => unknown;
  readonly limitMs: number;
  readonly isFirst: boolean;
}

export interface StepOptions {
  readonly limitMs?: number;
  /** Whether it is among the steps that are taken first, all at once: those that let work end and take none any more. */
  readonly first?: boolean;
}

/**
 * What a process has opened, to be closed in reverse order. No step waits for ever: a server that is frozen, a disk that is full
 * or a client that does not read holds up one step for its time limit, and the whole for no longer than the whole's.
 */
export class Closing {
  readonly #log: Pick<Log, 'warn'>;
  #steps: Step[] = [];
  #end = Infinity;

  constructor(log: Pick<Log, 'warn'>) {
    this.#log = log;
  }

  /** Adds a step, to be taken before those that were added earlier. */
  defer(name: string, close: () => unknown, { limitMs = STEP_MS, first = false }: StepOptions = {}): void {
    this.#steps.push({ name, close, limitMs, isFirst: first });
  }

  /**
   * Closes everything. Never rejects: what fails or does not end is in the log, and the next step is taken.
   * @param milliseconds the limit of the whole
   */
  async close(milliseconds: number): Promise<void> {
    this.#end = Math.min(this.#end, performance.now() + milliseconds);
    const { first = [], then = [] } = Object.groupBy(this.#steps, ({ isFirst }) => (isFirst ? 'first' : 'then'));
    this.#steps = [];
    await Promise.all(first.reverse().map((step) => this.#take(step)));
    for (const step of then.reverse()) await this.#take(step);
  }

  async #take({ name, close, limitMs }: Step): Promise<void> {
    const waitMs = Math.max(0, Math.min(limitMs, this.#end - performance.now()));
    const late = Promise.withResolvers<typeof LATE>();
    const timer = setTimeout(() => {
      late.resolve(LATE);
    }, waitMs);
    try {
      // Called however late it is: it may free something at once.
      const outcome = await Promise.race([Promise.resolve(close()), late.promise]);
      if (outcome === LATE)
        this.#log.warn({ part: name, waitedMs: Math.round(waitMs) }, 'a part did not close in time');
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      this.#log.warn({ part: name, reason }, 'a part could not be closed');
    } finally {
      clearTimeout(timer);
    }
  }
}

const LATE = Symbol('late');
