import { Args, Ctx, FieldResolver, Query, Resolver, Root } from 'type-graphql';
import { z } from 'zod';
import { BY_ID, batch } from '../../../graphql/batch.js';
import type { RequestContext } from '../../../graphql/context.js';
import { CurrentViewer, Operation } from '../../../graphql/operation.js';
import type { Connection } from '../../../kernel/page.js';
import { uuid } from '../../../kernel/rules.js';
import type { Viewer } from '../../../kernel/viewer.js';
import { RestHidden } from '../../../rest/field.js';
import { Rest } from '../../../rest/route.js';
import type { UserDirectory } from '../../identity/accounts/user-directory.js';
import type { UserRow } from '../../identity/accounts/user.js';
import { User } from '../../identity/accounts/user.type.js';
import type { AuditEventRow } from './audit-event.js';
import { descriptions } from './audit.descriptions.js';
import { routes } from './audit.routes.js';
import type { AuditService } from './audit.service.js';
import { AuditEvent, AuditEventConnection, AuditEventList } from './audit.type.js';

const rules = z.looseObject({ userId: uuid().nullish(), actorId: uuid().nullish() });

interface AuditResolverNeeds {
  readonly service: AuditService;
  readonly directory: Pick<UserDirectory, 'loadMany'>;
}

@Resolver(() => AuditEvent)
export class AuditResolver {
  constructor(private readonly needs: AuditResolverNeeds) {}

  @Operation('admin', rules)
  @Rest(routes.adminListAuditEvents)
  @Query(() => AuditEventConnection, { description: descriptions.auditEvents })
  auditEvents(
    @CurrentViewer() viewer: Viewer,
    @Args(() => AuditEventList) { action, userId, actorId, since, until, ...page }: AuditEventList,
  ): Promise<Connection<AuditEventRow>> {
    const filter = { action, subjectId: userId, actorId, since, until };
    return this.needs.service.list(viewer, filter, page);
  }

  @RestHidden()
  @FieldResolver(() => User, { nullable: true, description: 'Null where there is no actor, or they were deleted.' })
  actor(@Root() event: AuditEventRow, @Ctx() context: RequestContext): Promise<UserRow | null> {
    return this.#load(event.actorId, context);
  }

  @RestHidden()
  @FieldResolver(() => User, { nullable: true, description: 'Null where there is no subject, or they were deleted.' })
  subject(@Root() event: AuditEventRow, @Ctx() context: RequestContext): Promise<UserRow | null> {
    return this.#load(event.subjectId, context);
  }

  async #load(id: string | null, context: RequestContext): Promise<UserRow | null> {
    if (id === null) return null;
    const { directory } = this.needs;
    return batch(context, directory, BY_ID, id, (ids) => directory.loadMany(ids));
  }
}
