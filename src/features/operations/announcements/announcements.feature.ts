import type { Clock } from '../../../kernel/clock.js';
import { systemTimers, type Timers } from '../../../kernel/timers.js';
import type { AuditLog } from '../../../ports/audit-log.js';
import type { Database } from '../../../ports/database.js';
import { AnnouncementsRepository } from './announcements.repository.js';
import { AnnouncementsResolver } from './announcements.resolver.js';
import { AnnouncementsService } from './announcements.service.js';
import { CurrentAnnouncements } from './current-announcements.js';

interface AnnouncementsFeatureNeeds {
  readonly database: Database;
  readonly audit: AuditLog;
  readonly clock: Clock;
  readonly timers?: Timers;
}

/** What operators tell everyone: maintenance, incidents, news. */
export function announcementsFeature({ timers = systemTimers, ...needs }: AnnouncementsFeatureNeeds) {
  const repository = new AnnouncementsRepository(needs.database);
  const service = new AnnouncementsService({
    ...needs,
    repository,
    shown: new CurrentAnnouncements({ repository, timers }),
  });
  return { service, resolvers: [new AnnouncementsResolver(service)] };
}
