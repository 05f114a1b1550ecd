import { Arg, Args, ID, Mutation, Query, Resolver } from 'type-graphql';
import { IdempotentByItself } from '../../../graphql/idempotency.js';
import { CurrentViewer, Operation } from '../../../graphql/operation.js';
import { OffsetPage } from '../../../graphql/page-arguments.js';
import type { Connection } from '../../../kernel/page.js';
import { idRules } from '../../../kernel/rules.js';
import type { Viewer } from '../../../kernel/viewer.js';
import { Rest } from '../../../rest/route.js';
import { MAX_OPEN, type AnnouncementRow } from './announcement.js';
import {
  Announcement,
  AnnouncementConnection,
  CreateAnnouncementInput,
  UpdateAnnouncementInput,
} from './announcement.type.js';
import { routes } from './announcements.routes.js';
import { createRules, updateRules } from './announcements.rules.js';
import type { AnnouncementsService } from './announcements.service.js';

@Resolver()
export class AnnouncementsResolver {
  constructor(private readonly service: AnnouncementsService) {}

  @Operation('anyone')
  @Rest(routes.listAnnouncements)
  @Query(() => [Announcement], {
    description: `What the operator tells everyone at present, what began last first; ${MAX_OPEN} at most. For everyone, also without a login. What is new is there within a second or two.`,
  })
  announcements(): Promise<readonly AnnouncementRow[]> {
    return this.service.current();
  }

  @Operation('admin')
  @Rest(routes.adminListAnnouncements)
  @Query(() => AnnouncementConnection, {
    description:
      'All announcements, those to come and those that have ended, too, newest first. For admins: FORBIDDEN to others.',
  })
  adminAnnouncements(
    @CurrentViewer() viewer: Viewer,
    @Args(() => OffsetPage) page: OffsetPage,
  ): Promise<Connection<AnnouncementRow>> {
    return this.service.list(viewer, page);
  }

  @Operation('admin', createRules)
  @Rest(routes.createAnnouncement)
  @Mutation(() => Announcement, {
    description: `Tells everyone something, now or later. CONFLICT when ${MAX_OPEN} announcements have not ended. For admins: FORBIDDEN to others.`,
  })
  createAnnouncement(
    @CurrentViewer() viewer: Viewer,
    @Arg('input', () => CreateAnnouncementInput) input: CreateAnnouncementInput,
  ): Promise<AnnouncementRow> {
    return this.service.create(viewer, input);
  }

  @Operation('admin', updateRules)
  @Rest(routes.updateAnnouncement)
  @Mutation(() => Announcement, {
    description: 'Changes an announcement. CONFLICT when it has ended. For admins: FORBIDDEN to others.',
  })
  updateAnnouncement(
    @CurrentViewer() viewer: Viewer,
    @Arg('id', () => ID, { description: "The announcement's id." }) id: string,
    @Arg('input', () => UpdateAnnouncementInput) input: UpdateAnnouncementInput,
  ): Promise<AnnouncementRow> {
    return this.service.update(viewer, id, input);
  }

  @Operation('admin', idRules)
  @IdempotentByItself('an announcement ends once, and a repeat answers with it as it is')
  @Rest(routes.endAnnouncement)
  @Mutation(() => Announcement, {
    description:
      'Ends an announcement now, or one that has not begun before it does. One that has ended stays as it is. For admins: FORBIDDEN to others.',
  })
  endAnnouncement(
    @CurrentViewer() viewer: Viewer,
    @Arg('id', () => ID, { description: "The announcement's id." }) id: string,
  ): Promise<AnnouncementRow> {
    return this.service.end(viewer, id);
  }
}
