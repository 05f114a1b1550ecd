import { Unavailable } from '../../src/kernel/errors.js';
import type { Random } from '../support/random.js';
import type { Host, VirtualTime } from './virtual-time.js';

/** Milliseconds that a message is under way. */
export interface Latency {
  readonly least: number;
  readonly most: number;
}

export interface CallOptions {
  /** Milliseconds after which the caller gives up; never, where the server is part of the process. */
  readonly limit: number;
  /** Called where the call's connection broke: when its caller gave up, or did not get the answer. */
  readonly onBroken?: () => void;
  /** Called where the call did not even arrive. */
  readonly onUnheard?: () => void;
}

/**
 * A server that others call over a network. What it is told it does when the call arrives, or after a stall, be the caller
 * still waiting or not; whether it has done it, a caller who gets no answer does not know.
 */
export class FakeServer {
  isDown = false;
  isEmbedded = false;
  /** Whether calls that it does not get are refused; otherwise their callers wait. */
  refuses = true;
  /** Percent of the answers that are lost. */
  lostAnswers = 0;
  #isStalled = false;
  readonly #stalled: (() => void)[] = [];
  readonly #cutOff = new Set<Host>();

  constructor(
    protected readonly time: VirtualTime,
    protected readonly random: Random,
    private readonly latency: Latency,
  ) {}

  get isStalled(): boolean {
    return this.#isStalled;
  }

  reaches(host: Host): boolean {
    return !this.isDown && !this.#cutOff.has(host);
  }

  /** Calls wait until it goes on, and are then served in any order. */
  stall(): void {
    this.#isStalled = true;
  }

  goOn(): void {
    this.#isStalled = false;
    const stalled = this.#stalled.splice(0);
    while (stalled.length > 0) {
      const [serve] = stalled.splice(this.random.below(stalled.length), 1);
      if (serve !== undefined) this.time.after(this.travel(), serve);
    }
  }

  stop(): void {
    this.isDown = true;
    this.#stalled.length = 0;
  }

  restart(): void {
    this.isDown = false;
  }

  cutOff(host: Host): void {
    this.#cutOff.add(host);
  }

  reconnect(host: Host): void {
    this.#cutOff.delete(host);
  }

  travel(): number {
    const { least, most } = this.latency;
    return least + ((most - least) * this.random.below(1_000)) / 1_000;
  }

  protected call<Result>(
    host: Host,
    { limit, onBroken, onUnheard }: CallOptions,
    serve: () => Result | Promise<Result>,
  ): Promise<Result> {
    return new Promise((resolve, reject) => {
      let isOver = false;
      const over = (end: () => void) => {
        if (isOver) return;
        isOver = true;
        cancel();
        end();
      };
      const breakOff = () => {
        onBroken?.();
        over(() => {
          reject(new Unavailable('not reached'));
        });
      };
      const cancel = this.isEmbedded ? () => undefined : host.timers.after(limit, breakOff);
      const answer = (end: () => void) => {
        if (this.reaches(host) && !this.random.chance(this.lostAnswers)) {
          host.reach(this.travel(), () => {
            over(end);
          });
        } else {
          onBroken?.();
          host.reach(this.travel(), breakOff);
        }
      };
      const doIt = () => {
        if (this.isDown) return;
        Promise.try(serve).then(
          (result) => {
            if (isOver) onBroken?.();
            answer(() => {
              resolve(result);
            });
          },
          (error: unknown) => {
            answer(() => {
              reject(error instanceof Error ? error : new Error(String(error)));
            });
          },
        );
      };
      this.time.after(this.travel(), () => {
        if (!this.reaches(host)) {
          onBroken?.();
          onUnheard?.();
          if (this.refuses) host.reach(this.travel(), breakOff);
        } else if (this.#isStalled) this.#stalled.push(doIt);
        else doIt();
      });
    });
  }
}
