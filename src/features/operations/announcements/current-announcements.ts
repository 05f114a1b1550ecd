import type { Timers } from '../../../kernel/timers.js';
import type { AnnouncementRow } from './announcement.js';
import type { AnnouncementsRepository } from './announcements.repository.js';

/** How long what was read is good. In milliseconds. */
const GOOD_MS = 1_000;

interface CurrentAnnouncementsNeeds {
  readonly repository: Pick<AnnouncementsRepository, 'current'>;
  readonly timers: Pick<Timers, 'now'>;
}

/**
 * What everyone sees, read once a second at most, however many ask: anyone may, without a login, and all see the same. What
 * another instance changed is seen when that second is over.
 */
export class CurrentAnnouncements {
  #read: { readonly rows: Promise<readonly AnnouncementRow[]>; readonly since: number } | null = null;

  constructor(private readonly needs: CurrentAnnouncementsNeeds) {}

  get(): Promise<readonly AnnouncementRow[]> {
    const { repository, timers } = this.needs;
    if (this.#read !== null && timers.now() - this.#read.since < GOOD_MS) return this.#read.rows;
    const read = { rows: repository.current(), since: timers.now() };
    this.#read = read;
    read.rows.catch(() => {
      if (this.#read === read) this.#read = null;
    });
    return read.rows;
  }

  /** Something has changed: whoever asks from now on sees it. */
  forget(): void {
    this.#read = null;
  }
}
