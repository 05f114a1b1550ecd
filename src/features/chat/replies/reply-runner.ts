import { Unavailable } from '../../../kernel/errors.js';
import { untilStep } from '../../../kernel/timers.js';
import type { EventBus } from '../../../ports/event-bus.js';
import type { Metrics } from '../../../ports/metrics.js';
import type { Generation } from '../models/generation.js';
import type { UsageService } from '../usage/usage.service.js';
import { Checkpoints, type CheckpointsNeeds } from './checkpoints.js';
import type { Failure, RepliesRepository } from './replies.repository.js';
import { LEASE_SECONDS, REASONS } from './reply.js';
import { RunningReply, type ReplyJob, type RunningReplyNeeds } from './running-reply.js';

/** Between two renewals, and after one that failed, in milliseconds. */
const RENEW_MS = 750;
const RENEW_AGAIN_MS = 250;
/** Renewals that may be under way at once: one whose connection went silent must not hold up the next one. */
const MAX_RENEWALS = 5;
/** The topic in which instances ask each other to stop a reply at once. It is also in the row, which is looked at as often as leases are renewed. */
const STOP_TOPIC = 'replies:stop';

interface StopRequest {
  readonly messageId: string;
}

export interface ReplyRunnerNeeds extends Omit<RunningReplyNeeds, 'checkpoints'> {
  readonly bus: EventBus;
  readonly replies: RunningReplyNeeds['replies'] &
    CheckpointsNeeds['replies'] &
    Pick<RepliesRepository, 'findStops' | 'requestStop'>;
  readonly usage: RunningReplyNeeds['usage'] & Pick<UsageService, 'renewLeases'>;
  readonly metrics?: Pick<Metrics, 'answerWritten'> | undefined;
}

/** The replies that are running on this instance. */
export class ReplyRunner {
  readonly #checkpoints: Checkpoints;
  readonly #running = new Map<string, RunningReply>();
  readonly #byMessage = new Map<string, RunningReply>();
  readonly #closing = new AbortController();
  /** Resolves when the first reply begins, where none runs. */
  #begun = Promise.withResolvers<undefined>();
  #draining = false;
  #areRenewed = true;

  constructor(private readonly needs: ReplyRunnerNeeds) {
    this.#checkpoints = new Checkpoints(needs);
  }

  /** Starts renewing leases and listening for requests to stop. */
  open(): void {
    void this.#renewAlways();
    void this.#hear();
  }

  /** @throws Unavailable while the server shuts down */
  assertOpen(): void {
    if (this.#draining) throw new Unavailable('The server is restarting, try again');
  }

  get isDraining(): boolean {
    return this.#draining;
  }

  start(job: ReplyJob): RunningReply {
    const running = new RunningReply(job, { ...this.needs, checkpoints: this.#checkpoints });
    const { entryId, messageId } = running;
    this.#running.set(entryId, running);
    this.#begun.resolve(undefined);
    if (messageId !== null) this.#byMessage.set(messageId, running);
    void running.finished.then(({ generation }) => {
      this.#measure(generation);
      this.#running.delete(entryId);
      if (messageId !== null) this.#byMessage.delete(messageId);
    });
    // Asked after it was stored, and before the shutdown began to wait for the running ones.
    if (this.#closing.signal.aborted) running.abandon();
    return running;
  }

  #measure({ model, finishReason, firstTextMs }: Generation): void {
    this.needs.metrics?.answerWritten({
      model,
      finishReason: finishReason ?? 'OTHER',
      firstTextSeconds: firstTextMs === null ? null : firstTextMs / 1_000,
    });
  }

  /** A reply that is running here. */
  find(messageId: string): RunningReply | undefined {
    return this.#byMessage.get(messageId);
  }

  /** What is running here for a usage entry. */
  findEntry(entryId: string): RunningReply | undefined {
    return this.#running.get(entryId);
  }

  /** The usage entries of what is running here, which no recovery on this instance may take for abandoned. */
  get entryIds(): readonly string[] {
    return [...this.#running.keys()];
  }

  /** Stops a reply that runs here; asks the instance that runs it otherwise. Its end comes later. */
  async stop(messageId: string): Promise<void> {
    const running = this.find(messageId);
    if (running !== undefined) {
      running.stop('STOPPED');
      return;
    }
    await this.needs.replies.requestStop(messageId);
    const request: StopRequest = { messageId };
    this.needs.bus.publish(STOP_TOPIC, [request]);
  }

  /**
   * Accepts no more replies, gives the running ones `graceMs` to end by themselves, then stops them, and gives up those that
   * cannot be stored within another `storeMs`.
   */
  async drain(graceMs: number, storeMs: number): Promise<void> {
    this.#draining = true;
    await this.#finishedWithin(graceMs);
    for (const running of this.#running.values()) running.stop('INTERRUPTED', REASONS.INTERRUPTED);
    await this.#finishedWithin(storeMs);
    this.#closing.abort();
    this.#begun.resolve(undefined);
    for (const running of this.#running.values()) running.abandon();
  }

  async #finishedWithin(milliseconds: number): Promise<void> {
    const finished = new AbortController();
    const all = Promise.all([...this.#running.values()].map((running) => running.finished)).then(() => {
      finished.abort();
    });
    await Promise.race([all, this.needs.timers.sleep(milliseconds, finished.signal)]);
  }

  async #hear(): Promise<void> {
    const { bus, timers } = this.needs;
    const { signal } = this.#closing;
    while (!signal.aborted) {
      try {
        for await (const { messageId } of await bus.subscribe<StopRequest>(STOP_TOPIC, signal)) {
          this.find(messageId)?.stop('STOPPED');
        }
      } catch {
        // The bus logs its own outages.
      }
      await timers.sleep(RENEW_MS, signal);
    }
  }

  async #renewAlways(): Promise<void> {
    const { timers, log } = this.needs;
    const { signal } = this.#closing;
    let underWay = 0;
    while (!signal.aborted) {
      await this.#whenAnyRuns();
      await timers.sleep(this.#areRenewed ? untilStep(RENEW_MS, timers.now()) : RENEW_AGAIN_MS, signal);
      if (underWay === MAX_RENEWALS) continue;
      underWay++;
      const answered = new AbortController();
      const renewal = this.#renew()
        .then(
          () => {
            this.#areRenewed = true;
          },
          (error: unknown) => {
            if (this.#areRenewed)
              log.warn({ err: error }, 'the leases of running replies were not renewed; it is tried again');
            this.#areRenewed = false;
          },
        )
        .finally(() => {
          underWay--;
          answered.abort();
        });
      await Promise.race([renewal, timers.sleep(RENEW_MS, AbortSignal.any([signal, answered.signal]))]);
    }
  }

  /** Resolves at once while something runs here, or it closes; otherwise when something begins. */
  async #whenAnyRuns(): Promise<void> {
    if (this.#running.size > 0 || this.#closing.signal.aborted) return;
    this.#begun = Promise.withResolvers<undefined>();
    await this.#begun.promise;
  }

  /** Renews the leases, and looks for what must end the replies: their messages and their users may be gone. */
  async #renew(): Promise<void> {
    const { usage, replies } = this.needs;
    const asked = [...this.#running.values()];
    if (asked.length === 0) return;
    const messageIds = asked.flatMap(({ messageId }) => messageId ?? []);
    // Both are asked at once, so that they share their wake-ups.
    const [renewed, stops] = await Promise.all([
      usage.renewLeases(this.entryIds, LEASE_SECONDS),
      messageIds.length === 0 ? new Map<string, Failure>() : replies.findStops(messageIds),
    ]);
    const leases = new Map(renewed.map((lease) => [lease.entryId, lease]));
    for (const running of asked) {
      const lease = leases.get(running.entryId);
      const stop = running.messageId === null ? undefined : stops.get(running.messageId);
      if (lease === undefined) running.lose();
      else if (stop !== undefined) running.stop(stop.code, stop.reason);
      else if (lease.ownerIsBarred) running.stop('STOPPED', REASONS.ACCOUNT_CLOSED);
    }
  }
}
