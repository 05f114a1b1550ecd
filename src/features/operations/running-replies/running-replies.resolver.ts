import { Arg, Args, ID, Mutation, Query, Resolver } from 'type-graphql';
import { IdempotentByItself } from '../../../graphql/idempotency.js';
import { CurrentViewer, Operation } from '../../../graphql/operation.js';
import { OffsetPage } from '../../../graphql/page-arguments.js';
import type { Connection } from '../../../kernel/page.js';
import type { Viewer } from '../../../kernel/viewer.js';
import { Rest } from '../../../rest/route.js';
import { routes } from './running-replies.routes.js';
import { stopRules } from './running-replies.rules.js';
import type { RunningRepliesService } from './running-replies.service.js';
import type { SeenRunningReply } from './running-reply.js';
import { RunningReply, RunningReplyConnection } from './running-reply.type.js';

@Resolver()
export class RunningRepliesResolver {
  constructor(private readonly service: RunningRepliesService) {}

  @Operation('admin')
  @Rest(routes.adminListRunningReplies)
  @Query(() => RunningReplyConnection, {
    description:
      'The replies that run or wait for their tools, of all users and instances, newest first; chats that store nothing are not among them. For admins: FORBIDDEN to anyone else.',
  })
  runningReplies(
    @CurrentViewer() viewer: Viewer,
    @Args(() => OffsetPage) page: OffsetPage,
  ): Promise<Connection<SeenRunningReply>> {
    return this.service.list(viewer, page);
  }

  @Operation('admin', stopRules)
  @IdempotentByItself('a reply stops once, and a repeat answers with it as it is')
  @Rest(routes.adminStopReply)
  @Mutation(() => RunningReply, {
    description:
      "Stops a user's reply, as its user could: what had come is kept as PARTIAL and charged, and its stream ends. One that has ended stays as it is. For admins: FORBIDDEN to anyone else.",
  })
  adminStopReply(
    @CurrentViewer() viewer: Viewer,
    @Arg('messageId', () => ID) messageId: string,
    @Arg('reason', () => String, { nullable: true, description: 'Why: for the audit log, and not shown to the user.' })
    reason: string | null,
  ): Promise<SeenRunningReply> {
    return this.service.stop(viewer, messageId, reason ?? null);
  }
}
