import { SinceLastLook } from '../../../kernel/since-last-look.js';
import type { NotedEnds, SessionsRepository } from './sessions.repository.js';

/** Ends that are told one by one. */
const MOST_TOLD = 1_000;
const ALL = '00000000-0000-0000-0000-000000000000';

/** What may have ended since it was last asked, by one statement whose cost does not depend on how much is open. */
export class AccessEnds {
  readonly #ends: SinceLastLook<NotedEnds>;

  constructor(repository: Pick<SessionsRepository, 'endsSince'>) {
    this.#ends = new SinceLastLook((mark) => repository.endsSince(mark, MOST_TOLD + 1));
  }

  /** @returns ids of sessions, personal access tokens and users; undefined where any of them may have ended */
  async sinceLast(): Promise<ReadonlySet<string> | undefined> {
    const noted = await this.#ends.look();
    return noted === undefined || noted.ids.length > MOST_TOLD || noted.ids.includes(ALL)
      ? undefined
      : new Set(noted.ids);
  }

  /** Call it when what was told was not acted on: any may have ended then. */
  forget(): void {
    this.#ends.forget();
  }
}
