import { Unavailable } from '../../../kernel/errors.js';

export interface LaneRule {
  /** Its part of the work, against the weights of the other lanes that have work waiting. */
  readonly weight: number;
  /** Maximum waiting work; more is refused. */
  readonly maxWaiting: number;
  /** Whether it may take the last free place, so that a newcomer of another lane has to wait for one. */
  readonly mayFill: boolean;
  /** What a refused client reads. */
  readonly refusal: string;
}

/** Seconds after which a refused client may ask again: about the time that a full lane takes. */
const RETRY_SECONDS = 5;

interface Waiting {
  readonly start: () => void;
  readonly refuse: (error: Unavailable) => void;
}

/**
 * Runs a few pieces of work at once and lets the others wait, in lanes that do not stand in each other's way: when a place is
 * free, the lane that is furthest behind its share is next (stride scheduling). Within a lane, clients take turns, and when it
 * is full, the client with the most waiting loses its latest: many requests of one client delay and displace only its own.
 */
export class WorkLanes<Name extends string> {
  readonly #lanes: Readonly<Record<Name, Lane>>;
  #running = 0;
  /** The position of the lane that was served last. */
  #position = 0;

  constructor(
    rules: Readonly<Record<Name, LaneRule>>,
    private readonly places: number,
  ) {
    const lanes = Object.entries<LaneRule>(rules).map(([name, rule]) => [name, new Lane(rule, places)]);
    this.#lanes = Object.fromEntries(lanes) as Record<Name, Lane>;
  }

  /**
   * @param whose names the client, such as a network or a user's id
   * @throws Unavailable when too much is waiting in this lane already; and whatever `work` throws
   */
  async run<Result>(name: Name, whose: string, work: () => Promise<Result>): Promise<Result> {
    const lane = this.#lanes[name];
    await new Promise<void>((start, refuse) => {
      if (lane.waiting === 0) lane.position = Math.max(lane.position, this.#position);
      lane.add({ start, refuse }, whose);
      this.#startNext();
      lane.shed();
    });
    try {
      return await work();
    } finally {
      this.#running -= 1;
      lane.running -= 1;
      this.#startNext();
    }
  }

  #startNext(): void {
    while (this.#running < this.places) {
      const ready = Object.values<Lane>(this.#lanes).filter(({ canStart }) => canStart);
      const [next] = ready.sort((one, other) => one.position - other.position);
      if (next === undefined) return;
      this.#running += 1;
      this.#position = next.position;
      next.startOne();
    }
  }
}

class Lane {
  waiting = 0;
  running = 0;
  position = 0;
  /** Waiting work by client. The client whose turn is next comes first. */
  readonly #clients = new Map<string, Waiting[]>();

  constructor(
    private readonly rule: LaneRule,
    private readonly places: number,
  ) {}

  get canStart(): boolean {
    const most = this.rule.mayFill ? this.places : Math.max(1, this.places - 1);
    return this.waiting > 0 && this.running < most;
  }

  add(work: Waiting, whose: string): void {
    const line = this.#clients.get(whose);
    if (line === undefined) this.#clients.set(whose, [work]);
    else line.push(work);
    this.waiting += 1;
  }

  startOne(): void {
    const [[whose, line] = []] = this.#clients;
    const work = line?.shift();
    if (whose === undefined || line === undefined || work === undefined) throw new Error('nothing waits in this lane');
    this.#clients.delete(whose);
    if (line.length > 0) this.#clients.set(whose, line);
    this.waiting -= 1;
    this.running += 1;
    this.position += 1 / this.rule.weight;
    work.start();
  }

  /** Refuses the latest work of the client with the most, if more is waiting than may. */
  shed(): void {
    if (this.waiting <= this.rule.maxWaiting) return;
    // Among equals it is the last one, which came last.
    const [[whose, line] = []] = [...this.#clients].sort(([, one], [, other]) => one.length - other.length).slice(-1);
    const work = line?.pop();
    if (whose === undefined || line === undefined || work === undefined) return;
    if (line.length === 0) this.#clients.delete(whose);
    this.waiting -= 1;
    work.refuse(new Unavailable(this.rule.refusal, { retryAfterSeconds: RETRY_SECONDS }));
  }
}
