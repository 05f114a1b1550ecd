import type { Clock } from '../../../kernel/clock.js';
import { Conflict, Invalid, NotFound, type Fault } from '../../../kernel/errors.js';
import { newId } from '../../../kernel/ids.js';
import { connectionOf, pageRequest, type Connection, type PageArguments } from '../../../kernel/page.js';
import type { AuditAction, AuditLog } from '../../../ports/audit-log.js';
import type { Database, Sql } from '../../../ports/database.js';
import type { AccountActor } from '../../identity/accounts/account-actor.js';
import { eventOf } from '../../identity/accounts/account-events.js';
import { requireAdmin } from '../../identity/accounts/accounts.policy.js';
import {
  MAX_DAYS,
  MAX_OPEN,
  type AnnouncementChanges,
  type AnnouncementRow,
  type NewAnnouncement,
} from './announcement.js';
import type { AnnouncementsRepository } from './announcements.repository.js';
import type { CurrentAnnouncements } from './current-announcements.js';

const MAX_MS = MAX_DAYS * 86_400_000;
const CHANGEABLE = ['text', 'level', 'startsAt', 'endsAt'] as const;

export interface AnnouncementsServiceNeeds {
  readonly database: Pick<Database, 'transaction' | 'afterCommit'>;
  readonly repository: AnnouncementsRepository;
  readonly shown: CurrentAnnouncements;
  readonly audit: AuditLog;
  readonly clock: Clock;
}

/** What operators tell everyone. */
export class AnnouncementsService {
  constructor(private readonly needs: AnnouncementsServiceNeeds) {}

  /** What everyone sees: what has begun and not ended, what began last first. */
  current(): Promise<readonly AnnouncementRow[]> {
    return this.needs.shown.get();
  }

  /** Newest first. @throws Forbidden; Invalid */
  async list(actor: AccountActor, page: PageArguments): Promise<Connection<AnnouncementRow>> {
    requireAdmin(actor);
    const { repository } = this.needs;
    return connectionOf(await repository.page(pageRequest(page)), () => repository.count());
  }

  /** @throws Forbidden; Invalid; Conflict when there are too many that have not ended */
  async create(actor: AccountActor, request: NewAnnouncement): Promise<AnnouncementRow> {
    requireAdmin(actor);
    const { repository, clock } = this.needs;
    const { text, startsAt = null, endsAt = null } = request;
    const now = clock.now();
    refuse(faultsOf({ startsAt, endsAt }, { startsAt: startsAt ?? now, endsAt }, now));
    const row = { id: newId(), text, level: request.level ?? 'INFO', startsAt, endsAt };
    return this.#change(async (sql) => {
      if ((await repository.lockAndCountOpen(sql)) >= MAX_OPEN)
        throw new Conflict('There are too many announcements: end some');
      const created = await repository.insert(sql, row);
      const details = { text, level: row.level, startsAt: created.startsAt, endsAt };
      await this.#record(sql, 'ANNOUNCEMENT_CREATED', actor, created.id, details);
      return created;
    });
  }

  /** @throws Forbidden; NotFound; Invalid; Conflict for one that has ended */
  async update(actor: AccountActor, id: string, changes: AnnouncementChanges): Promise<AnnouncementRow> {
    requireAdmin(actor);
    const { repository, clock } = this.needs;
    return this.#change(async (sql) => {
      const before = await this.#find(sql, id);
      if (before.state === 'ENDED') throw new Conflict('The announcement has ended');
      const after = { ...before };
      const details: AnnouncementChanges = {};
      for (const field of CHANGEABLE) {
        const value = changes[field];
        if (value === undefined || value?.valueOf() === before[field]?.valueOf()) continue;
        Object.assign(after, { [field]: value });
        Object.assign(details, { [field]: value });
      }
      if (Object.keys(details).length === 0) return before;
      refuse(faultsOf(details, after, clock.now()));
      const written = await repository.write(sql, after);
      await this.#record(sql, 'ANNOUNCEMENT_UPDATED', actor, id, details);
      return written;
    });
  }

  /** Does nothing to one that has ended. @throws Forbidden; NotFound */
  async end(actor: AccountActor, id: string): Promise<AnnouncementRow> {
    requireAdmin(actor);
    const { repository } = this.needs;
    return this.#change(async (sql) => {
      const before = await this.#find(sql, id);
      if (before.state === 'ENDED') return before;
      const ended = await repository.end(sql, id);
      await this.#record(sql, 'ANNOUNCEMENT_ENDED', actor, id, {});
      return ended;
    });
  }

  async #find(sql: Sql, id: string): Promise<AnnouncementRow> {
    const row = await this.needs.repository.find(sql, id);
    if (row === null) throw new NotFound('Announcement');
    return row;
  }

  async #change(work: (sql: Sql) => Promise<AnnouncementRow>): Promise<AnnouncementRow> {
    const { database, shown } = this.needs;
    const changed = await database.transaction(work);
    database.afterCommit(() => {
      shown.forget();
    });
    return changed;
  }

  #record(sql: Sql, action: AuditAction, actor: AccountActor, announcementId: string, details: object): Promise<void> {
    return this.needs.audit.record(eventOf(action, actor, null, { announcementId, ...details }), sql);
  }
}

interface Times {
  readonly startsAt?: Date | null | undefined;
  readonly endsAt?: Date | null | undefined;
}

/** @param given what the request says, which alone must not be long ago; the rest is as it was */
function faultsOf(
  given: Times,
  { startsAt, endsAt }: Pick<AnnouncementRow, 'startsAt' | 'endsAt'>,
  now: Date,
): readonly Fault[] {
  const isFar = (time: Date) => Math.abs(time.getTime() - now.getTime()) > MAX_MS;
  const faults: Fault[] = [];
  if (given.startsAt != null && isFar(given.startsAt))
    faults.push({ field: 'input.startsAt', message: `must be at most ${MAX_DAYS} days away` });
  if (given.endsAt != null && (given.endsAt <= now || isFar(given.endsAt)))
    faults.push({ field: 'input.endsAt', message: `must be in the future, and at most ${MAX_DAYS} days away` });
  else if (endsAt !== null && endsAt <= startsAt)
    faults.push(
      given.endsAt == null
        ? { field: 'input.startsAt', message: 'must be earlier than the end' }
        : { field: 'input.endsAt', message: 'must be later than the start' },
    );
  return faults;
}

function refuse(faults: readonly Fault[]): void {
  if (faults.length > 0) throw new Invalid(faults);
}
