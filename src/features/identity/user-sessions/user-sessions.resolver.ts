import { Arg, ID, Mutation, Query, Resolver } from 'type-graphql';
import { CurrentViewer, Operation } from '../../../graphql/operation.js';
import { ofUserRules, oneOfUserRules } from '../../../kernel/rules.js';
import type { Viewer } from '../../../kernel/viewer.js';
import { Rest } from '../../../rest/route.js';
import { MAX_LISTED_SESSIONS } from '../sessions/session.js';
import { Session } from '../sessions/session.type.js';
import type { ListedSession } from '../sessions/sessions.service.js';
import { routes } from './user-sessions.routes.js';
import type { EndedSessions as Ended, UserSessionsService } from './user-sessions.service.js';
import { EndedSessions } from './user-sessions.type.js';

@Resolver()
export class UserSessionsResolver {
  constructor(private readonly service: UserSessionsService) {}

  @Operation('admin', ofUserRules)
  @Rest(routes.adminListSessions)
  @Query(() => [Session], {
    description: `A user's live sessions, newest first; at most ${MAX_LISTED_SESSIONS}. For admins: FORBIDDEN to anyone else.`,
  })
  adminSessions(
    @CurrentViewer() viewer: Viewer,
    @Arg('userId', () => ID) userId: string,
  ): Promise<readonly ListedSession[]> {
    return this.service.list(viewer, userId);
  }

  @Operation('admin', oneOfUserRules)
  @Rest(routes.adminRevokeSession)
  @Mutation(() => Boolean, {
    description:
      "Ends a user's session: its tokens are dead, and its streams end. NOT_FOUND when it has ended or is another user's. Always true. For admins: FORBIDDEN to anyone else.",
  })
  async adminRevokeSession(
    @CurrentViewer() viewer: Viewer,
    @Arg('userId', () => ID) userId: string,
    @Arg('id', () => ID) id: string,
  ): Promise<boolean> {
    await this.service.revoke(viewer, userId, id);
    return true;
  }

  @Operation('admin', ofUserRules)
  @Rest(routes.adminRevokeAllSessions)
  @Mutation(() => EndedSessions, {
    description:
      "Ends all of a user's sessions likewise; personal access tokens stay. For admins: FORBIDDEN to anyone else.",
  })
  adminRevokeAllSessions(@CurrentViewer() viewer: Viewer, @Arg('userId', () => ID) userId: string): Promise<Ended> {
    return this.service.revokeAll(viewer, userId);
  }
}
