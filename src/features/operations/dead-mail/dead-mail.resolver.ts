import { Arg, Args, ID, Mutation, Query, Resolver } from 'type-graphql';
import { CurrentViewer, Operation } from '../../../graphql/operation.js';
import { OffsetPage } from '../../../graphql/page-arguments.js';
import type { Connection } from '../../../kernel/page.js';
import { idRules } from '../../../kernel/rules.js';
import type { Viewer } from '../../../kernel/viewer.js';
import { Rest } from '../../../rest/route.js';
import { KEPT_DAYS, MAX_RETRIES, type DeadMailRow, type RetriedMail as Retried } from './dead-mail.js';
import { routes } from './dead-mail.routes.js';
import { retryAllRules } from './dead-mail.rules.js';
import type { DeadMailService } from './dead-mail.service.js';
import { DeadMail, DeadMailConnection, RetriedMail } from './dead-mail.type.js';

@Resolver(() => DeadMail)
export class DeadMailResolver {
  constructor(private readonly service: DeadMailService) {}

  @Operation('admin')
  @Rest(routes.adminListDeadMail)
  @Query(() => DeadMailConnection, {
    description: `Mails that were given up after their last try, the latest first; they are kept for ${KEPT_DAYS} days. For admins: FORBIDDEN to anyone else.`,
  })
  deadMail(
    @CurrentViewer() viewer: Viewer,
    @Args(() => OffsetPage) page: OffsetPage,
  ): Promise<Connection<DeadMailRow>> {
    return this.service.list(viewer, page);
  }

  @Operation('admin', idRules)
  @Rest(routes.adminRetryDeadMail)
  @Mutation(() => DeadMail, {
    description:
      'Has a mail that was given up sent after all, with as many tries as at first. NOT_FOUND when that was done before, or it was dropped. For admins: FORBIDDEN to anyone else.',
  })
  retryDeadMail(@CurrentViewer() viewer: Viewer, @Arg('id', () => ID) id: string): Promise<DeadMailRow> {
    return this.service.retry(viewer, id);
  }

  @Operation('admin', retryAllRules)
  @Rest(routes.adminRetryAllDeadMail)
  @Mutation(() => RetriedMail, {
    description: `Has the mails of a queue sent after all, those that were given up first, ${MAX_RETRIES} at most. For admins: FORBIDDEN to anyone else.`,
  })
  retryAllDeadMail(@CurrentViewer() viewer: Viewer, @Arg('queue', () => String) queue: string): Promise<Retried> {
    return this.service.retryAll(viewer, queue);
  }

  @Operation('admin', idRules)
  @Rest(routes.adminDropDeadMail)
  @Mutation(() => DeadMail, {
    description:
      'Drops a mail that was given up: it is never sent. NOT_FOUND when it was dropped or retried before. For admins: FORBIDDEN to anyone else.',
  })
  dropDeadMail(@CurrentViewer() viewer: Viewer, @Arg('id', () => ID) id: string): Promise<DeadMailRow> {
    return this.service.drop(viewer, id);
  }
}
