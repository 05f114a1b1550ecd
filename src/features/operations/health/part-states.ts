import type { Clock } from '../../../kernel/clock.js';
import type { Timers } from '../../../kernel/timers.js';

/** Something that the service stands on. */
export interface HealthPart {
  /** As `database`. */
  readonly name: string;
  /** @returns its state, as `ok`; rejects when it fails */
  readonly look: () => Promise<string>;
}

export interface PartState {
  readonly name: string;
  /** As `ok`, `failing`; of a model, the state of its circuit breaker. */
  readonly state: string;
  /** When it was first seen in this state; at the earliest, when it was looked at first. */
  readonly since: Date;
  /** Why it fails; null where it does not. */
  readonly reason: string | null;
}

interface PartStatesNeeds {
  readonly parts: () => readonly HealthPart[];
  readonly clock: Clock;
  readonly timers: Pick<Timers, 'sleep'>;
}

/** A part that does not answer for so long fails. */
const PATIENCE_MS = 2_000;

/** The states of all parts, for those who operate the service: what they say may name servers. */
export class PartStates {
  readonly #known = new Map<string, PartState>();

  constructor(private readonly needs: PartStatesNeeds) {}

  look(): Promise<readonly PartState[]> {
    return Promise.all(this.needs.parts().map((part) => this.#stateOf(part)));
  }

  async #stateOf({ name, look }: HealthPart): Promise<PartState> {
    const seen = await this.#look(look);
    const known = this.#known.get(name);
    const since = known?.state === seen.state ? known.since : this.needs.clock.now();
    const state = { name, ...seen, since };
    this.#known.set(name, state);
    return state;
  }

  async #look(look: HealthPart['look']): Promise<Pick<PartState, 'state' | 'reason'>> {
    const answered = new AbortController();
    const late = this.needs.timers.sleep(PATIENCE_MS, answered.signal).then(() => {
      throw new Error(`no answer within ${PATIENCE_MS / 1_000} s`);
    });
    try {
      return { state: await Promise.race([look(), late]), reason: null };
    } catch (error) {
      const { message, cause } = error instanceof Error ? error : new Error(String(error));
      return { state: 'failing', reason: cause instanceof Error ? `${message} (${cause.message})` : message };
    } finally {
      answered.abort();
      // It ends now, and nobody looks at how.
      late.catch(() => undefined);
    }
  }
}
