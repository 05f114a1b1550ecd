import type { Log } from '../../../kernel/log.js';
import type { Timers } from '../../../kernel/timers.js';
import { TakenOver, type EventLog } from '../../../ports/event-log.js';
import { CHECKPOINT_MS } from '../messages/message.js';
import type { Transcript } from '../messages/reply-transcript.js';
import type { Checkpoints } from './checkpoints.js';
import { LEASE_SECONDS } from './reply.js';
import type { ReplyEvents } from './reply-events.js';

/** How long readers wait for the event log to take an event before they are shown it by way of the row. */
const LOG_PATIENCE_MS = 100;
/** Between two checkpoints while readers depend on them. */
const HURRIED_CHECKPOINT_MS = 50;
/** Checkpoints that are not hurried come at multiples of this, so that those of many replies are stored together. */
const CHECKPOINT_STEP_MS = 100;
/** Before a write into the event log is tried again: doubled each time, up to the maximum. */
const LOG_RETRY_MS = { first: 100, most: 1_000 };
/**
 * A writer of which the database has not heard for so long may have been taken for dead, and the log may know nothing of it: less
 * than recovery waits for a log that is away, and than the log keeps a stream.
 */
const UNHEARD_MS = 30_000;
/** How long the end of a reply is tried to be written into the log; readers find it in the row. */
const LOG_GIVE_UP_MS = 5 * 60_000;

export interface ReplyKeeperNeeds {
  readonly checkpoints: Pick<Checkpoints, 'store'>;
  readonly events: EventLog;
  readonly timers: Timers;
  readonly log: Pick<Log, 'warn'>;
}

interface Kept {
  /** The stored reply's id. */
  readonly id: string;
  /** Key of its stream in the event log. */
  readonly stream: string;
  readonly events: ReplyEvents;
  /** What has come so far; it does not change later. */
  readonly progress: () => Transcript;
  /** Its right to write into the log, and the number of the last event that the log has. */
  readonly writer: number;
  readonly logged: number;
  /** Called when the reply is no longer this instance's: it was deleted, or another one has ended it. */
  readonly onGone: () => void;
}

/**
 * Keeps a running reply in the event log and in its row, and shows readers what is in either: whatever a reader has seen is
 * still there after this process was killed. The log is quick, and may be away; then readers get the pace of the row.
 */
export class ReplyKeeper {
  #logged: number;
  #writing: Promise<void> | undefined;
  #logIsLate = false;
  /** Another writer has the stream. */
  #isShutOut = false;
  /** When the log was found to have lost what it had, and with that, perhaps, a later writer. */
  #forgotAt = -Infinity;
  /** When the row was asked the last time that it was still this writer's. */
  #heardAt: number;
  #isFinished = false;
  #hasWarned = false;
  #stored: number;
  #checkpoint: Promise<void> | undefined;
  #cancelCheckpoint: (() => void) | undefined;
  #checkpointAt = Infinity;
  #rowIsClosed = false;
  readonly #abandoned = new AbortController();

  constructor(
    private readonly kept: Kept,
    private readonly needs: ReplyKeeperNeeds,
  ) {
    this.#heardAt = needs.timers.now();
    this.#logged = kept.logged;
    this.#stored = kept.events.last;
  }

  /** Keeps and shows what was added to the events. */
  keep(): void {
    if (this.#writing === undefined && this.#mayWrite() && !this.#mustAskRow()) {
      const logged = this.#send();
      if (typeof logged === 'number') this.#note(logged);
      else void this.#write(logged);
    }
    if (this.#logged < this.kept.events.last) void this.#write();
    this.#storeIn(this.#logIsLate ? HURRIED_CHECKPOINT_MS : CHECKPOINT_MS);
  }

  /** Stores no more progress. Resolves when none is being stored. */
  async endProgress(): Promise<void> {
    this.#rowIsClosed = true;
    this.#cancelCheckpoint?.();
    await this.#checkpoint;
  }

  /**
   * The row has all events: shows them, and goes on writing them into the log in the background.
   * @param isOver there will be no more of them
   */
  finish(isOver: boolean): void {
    const { events } = this.kept;
    this.#isFinished = true;
    events.show(events.last);
    events.close();
    const cancel = this.needs.timers.after(LOG_GIVE_UP_MS, () => {
      this.#abandoned.abort();
    });
    // A write that is under way takes the last event, too.
    void this.#write().finally(() => {
      cancel();
      if (isOver && !this.#abandoned.signal.aborted) this.needs.events.release(this.kept.stream);
    });
  }

  /** Writes no more. */
  abandon(): void {
    this.#rowIsClosed = true;
    this.#cancelCheckpoint?.();
    this.#abandoned.abort();
  }

  /**
   * One write at a time. It takes all that is new, so that a slow log gets fewer and larger ones.
   * @param begun what is under way
   */
  #write(begun?: Promise<number>): Promise<void> {
    this.#writing ??= this.#writeAll(begun).finally(() => {
      this.#writing = undefined;
    });
    return this.#writing;
  }

  #mayWrite(): boolean {
    return this.#logged < this.kept.events.last && !this.#isShutOut && !this.#abandoned.signal.aborted;
  }

  #send(): number | Promise<number> {
    const { stream, events, writer } = this.kept;
    // The log may have lost what it had: then it is written again from there.
    return this.needs.events.write(stream, writer, this.#logged + 1, events.after(this.#logged));
  }

  #note(logged: number): void {
    if (logged < this.#logged) this.#forgotAt = this.needs.timers.now();
    this.#logged = logged;
    this.#logIsLate = false;
    this.kept.events.show(logged);
  }

  async #writeAll(begun?: Promise<number>): Promise<void> {
    const { signal } = this.#abandoned;
    let delay = LOG_RETRY_MS.first;
    for (let sent = begun; this.#mayWrite(); sent = undefined) {
      if (sent === undefined && this.#mustAskRow()) {
        this.#doWithoutLog();
        await this.needs.timers.sleep(HURRIED_CHECKPOINT_MS, signal);
        continue;
      }
      const cancel = this.needs.timers.after(LOG_PATIENCE_MS, () => {
        this.#doWithoutLog();
      });
      try {
        this.#note(await (sent ?? this.#send()));
        delay = LOG_RETRY_MS.first;
      } catch (error) {
        // Whether the reply was ended, too, is in the row.
        this.#isShutOut = error instanceof TakenOver;
        this.#doWithoutLog();
        cancel();
        await this.needs.timers.sleep(delay, signal);
        delay = Math.min(2 * delay, LOG_RETRY_MS.most);
      } finally {
        cancel();
      }
    }
  }

  /** Whether the log may take what nobody will ever store. Once the end is stored, so is all text. */
  #mustAskRow(): boolean {
    if (this.#isFinished || this.kept.events.last === this.#stored) return false;
    // Where the writer has nothing in the log yet, it does not see whether the log has lost anything.
    const patience = this.#logged === 0 ? LEASE_SECONDS * 1_000 : UNHEARD_MS;
    return this.#forgotAt >= this.#heardAt || this.needs.timers.now() - this.#heardAt >= patience;
  }

  #doWithoutLog(): void {
    this.#logIsLate = true;
    this.#storeIn(0);
  }

  #storeIn(milliseconds: number): void {
    if (this.#rowIsClosed || this.#checkpoint !== undefined || this.kept.events.last === this.#stored) return;
    const now = this.needs.timers.now();
    const due = now + milliseconds;
    const at = milliseconds < CHECKPOINT_MS ? due : due - (due % CHECKPOINT_STEP_MS);
    if (at >= this.#checkpointAt) return;
    this.#cancelCheckpoint?.();
    this.#checkpointAt = at;
    this.#cancelCheckpoint = this.needs.timers.after(at - now, () => {
      this.#checkpointAt = Infinity;
      this.#checkpoint = this.#store().finally(() => {
        this.#checkpoint = undefined;
        this.#storeIn(this.#logIsLate ? HURRIED_CHECKPOINT_MS : CHECKPOINT_MS);
      });
    });
  }

  async #store(): Promise<void> {
    const { id, events, progress, onGone } = this.kept;
    const upTo = events.last;
    const askedAt = this.needs.timers.now();
    try {
      if (await this.needs.checkpoints.store(id, progress())) {
        this.#stored = upTo;
        this.#heardAt = askedAt;
        this.#hasWarned = false;
        events.show(upTo);
      } else onGone();
    } catch (error) {
      if (this.#hasWarned) return;
      this.#hasWarned = true;
      this.needs.log.warn({ err: error, reply: id }, 'the progress of a reply was not stored; it is tried until it is');
    }
  }
}
