import { RateLimited } from '../../../kernel/errors.js';
import type { Viewer } from '../../../kernel/viewer.js';

const RETRY_SECONDS = 5;

/** Counts the open streams of each user on this instance, over every kind of connection. */
export class StreamPlaces {
  readonly #open = new Map<string, number>();

  constructor(private readonly mostPerUser: number) {}

  get count(): number {
    let count = 0;
    for (const open of this.#open.values()) count += open;
    return count;
  }

  /**
   * @returns gives the place back; does nothing the second time
   * @throws RateLimited `Too many open streams`
   */
  readonly enter = ({ userId }: Pick<Viewer, 'userId'>): (() => void) => {
    const open = this.#open.get(userId) ?? 0;
    if (open >= this.mostPerUser) throw new RateLimited('Too many open streams', RETRY_SECONDS);
    this.#open.set(userId, open + 1);
    let hasLeft = false;
    return () => {
      if (hasLeft) return;
      hasLeft = true;
      const left = (this.#open.get(userId) ?? 0) - 1;
      if (left > 0) this.#open.set(userId, left);
      else this.#open.delete(userId);
    };
  };
}
