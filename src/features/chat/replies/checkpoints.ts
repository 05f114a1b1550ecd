import { Unavailable } from '../../../kernel/errors.js';
import type { Timers } from '../../../kernel/timers.js';
import type { Transcript } from '../messages/reply-transcript.js';
import type { Checkpoint, RepliesRepository } from './replies.repository.js';

/** How long a checkpoint waits for others that are due at the same moment. */
const GATHER_MS = 5;
/** Maximum replies, and about the maximum characters, of one statement. */
const MAX_AT_ONCE = 100;
const MAX_CHARACTERS = 500_000;

interface Due extends Checkpoint {
  readonly resolve: (isStored: boolean) => void;
  readonly reject: (error: unknown) => void;
}

export interface CheckpointsNeeds {
  readonly replies: Pick<RepliesRepository, 'checkpoint' | 'checkpointAll'>;
  readonly timers: Pick<Timers, 'after'>;
}

/**
 * Stores the progress of all replies of an instance that are due together by one statement. It waits for no lock: a reply whose row
 * is locked, or has ended, is then stored, or found to have ended, by itself, and holds up no other. So does one that makes the
 * statement fail.
 */
export class Checkpoints {
  #due: Due[] = [];

  constructor(private readonly needs: CheckpointsNeeds) {}

  /**
   * @returns false when the reply has ended or does not exist
   * @throws what the repository throws
   */
  store(id: string, transcript: Transcript): Promise<boolean> {
    return new Promise((resolve, reject) => {
      this.#due.push({ id, transcript, resolve, reject });
      if (this.#due.length > 1) return;
      this.needs.timers.after(GATHER_MS, () => {
        const due = this.#due;
        this.#due = [];
        for (const some of inBatches(due)) void this.#storeAll(some);
      });
    });
  }

  async #storeAll(due: readonly Due[]): Promise<void> {
    let stored: ReadonlySet<string> = new Set();
    try {
      if (due.length > 1) stored = await this.needs.replies.checkpointAll(due);
    } catch (error) {
      if (error instanceof Unavailable) {
        for (const { reject } of due) reject(error);
        return;
      }
    }
    for (const { id, transcript, resolve, reject } of due) {
      if (stored.has(id)) resolve(true);
      else this.needs.replies.checkpoint(id, transcript).then(resolve, reject);
    }
  }
}

function inBatches(due: readonly Due[]): readonly (readonly Due[])[] {
  const batches: Due[][] = [[]];
  let characters = 0;
  for (const one of due) {
    characters += one.transcript.text.length;
    const last = batches.at(-1) ?? [];
    if (last.length < MAX_AT_ONCE && (characters <= MAX_CHARACTERS || last.length === 0)) last.push(one);
    else {
      batches.push([one]);
      characters = one.transcript.text.length;
    }
  }
  return batches;
}
