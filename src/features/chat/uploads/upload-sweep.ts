import type { Log } from '../../../kernel/log.js';
import type { UploadsService } from './uploads.service.js';

const SWEEP_MS = 60_000;

interface UploadSweepNeeds {
  readonly uploads: Pick<UploadsService, 'sweep'>;
  readonly log: Log;
}

/** Periodically removes files that a crash left half stored or half deleted. */
export class UploadSweep {
  #timer: NodeJS.Timeout | undefined;
  #sweeping: Promise<unknown> = Promise.resolve();

  constructor(private readonly needs: UploadSweepNeeds) {}

  open(): void {
    this.#sweeping = this.#sweep();
    this.#timer = setInterval(() => {
      this.#sweeping = this.#sweep();
    }, SWEEP_MS);
    this.#timer.unref();
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    await this.#sweeping;
  }

  async #sweep(): Promise<void> {
    try {
      const files = await this.needs.uploads.sweep();
      if (files > 0) this.needs.log.warn({ files }, 'removed files that were left half stored or half deleted');
    } catch (error) {
      const reason =
        typeof error === 'object' && error !== null && 'message' in error ? String(error.message) : 'unknown';
      this.needs.log.warn({ reason }, 'files that were left half stored could not be removed');
    }
  }
}
