import { setTimeout as delay } from 'node:timers/promises';
import { Unavailable } from '../../../kernel/errors.js';
import type { UsageService } from '../usage/usage.service.js';
import { RunningReply, type ReplyJob, type RunningReplyNeeds } from './running-reply.js';

/** Lifetime of an instance's lease, in seconds: an instance that has not renewed it for so long counts as dead. */
export const LEASE_SECONDS = 20;
const RENEW_MS = 5_000;
/** Key of the event log's stream in which instances ask each other to stop a reply. */
const CONTROL_STREAM = 'replies:control';

interface StopRequest {
  readonly messageId: string;
}

export interface ReplyRunnerNeeds extends RunningReplyNeeds {
  readonly usage: Pick<UsageService, 'settle' | 'renewLeases'>;
}

/** The replies that are running on this instance. */
export class ReplyRunner {
  readonly #running = new Set<RunningReply>();
  readonly #byMessage = new Map<string, RunningReply>();
  readonly #closing = new AbortController();
  #draining = false;

  constructor(private readonly needs: ReplyRunnerNeeds) {}

  /** Starts renewing leases and listening for requests to stop. */
  async open(): Promise<void> {
    const renewal = setInterval(() => void this.#renewLeases(), RENEW_MS);
    renewal.unref();
    this.#closing.signal.addEventListener('abort', () => {
      clearInterval(renewal);
    });
    const requests = await this.needs.events.follow<StopRequest>(CONTROL_STREAM, 'latest', this.#closing.signal);
    void this.#hear(requests);
  }

  /** @throws Unavailable while the server shuts down */
  assertOpen(): void {
    if (this.#draining) throw new Unavailable('The server is restarting, try again');
  }

  start(job: ReplyJob): RunningReply {
    const running = new RunningReply(job, this.needs);
    const messageId = job.reply?.id;
    this.#running.add(running);
    if (messageId !== undefined) this.#byMessage.set(messageId, running);
    void running.finished.then(() => {
      this.#running.delete(running);
      if (messageId !== undefined) this.#byMessage.delete(messageId);
    });
    return running;
  }

  /** Asks the instance that runs a reply to stop it. Waits for the reply's end if that is this instance. */
  async stop(messageId: string): Promise<void> {
    const running = this.#byMessage.get(messageId);
    if (running === undefined) {
      const request: StopRequest = { messageId };
      await this.needs.events.append(CONTROL_STREAM, [request]);
      return;
    }
    running.stop('STOPPED');
    await running.finished;
  }

  /** Accepts no more replies, gives the running ones `graceMs` to end by themselves, then stops them. */
  async drain(graceMs: number): Promise<void> {
    this.#draining = true;
    const finished = Promise.all([...this.#running].map((running) => running.finished));
    const grace = new AbortController();
    await Promise.race([finished, delay(graceMs, undefined, { signal: grace.signal }).catch(() => undefined)]);
    grace.abort();
    for (const running of this.#running) running.stop('INTERRUPTED');
    await finished;
    this.#closing.abort();
  }

  async #hear(requests: AsyncIterable<{ readonly event: StopRequest }>): Promise<void> {
    for await (const { event } of requests) this.#byMessage.get(event.messageId)?.stop('STOPPED');
  }

  async #renewLeases(): Promise<void> {
    const entryIds = [...this.#running].map((running) => running.entryId);
    if (entryIds.length === 0) return;
    try {
      await this.needs.usage.renewLeases(entryIds, LEASE_SECONDS);
    } catch (error) {
      this.needs.log.warn({ err: error }, 'the leases of running replies were not renewed');
    }
  }
}
