import { GraphQLDateTime } from 'graphql-scalars';
import { Arg, Ctx, FieldResolver, ID, Int, Query, Resolver, Root } from 'type-graphql';
import { z } from 'zod';
import { batch } from '../../../graphql/batch.js';
import type { RequestContext } from '../../../graphql/context.js';
import { CurrentViewer, Operation } from '../../../graphql/operation.js';
import { RestHidden } from '../../../rest/field.js';
import { Rest } from '../../../rest/route.js';
import { paging, query } from '../../../rest/sources.js';
import type { Connection } from '../../../kernel/page.js';
import { uuid } from '../../../kernel/rules.js';
import type { Viewer } from '../../../kernel/viewer.js';
import type { UserDirectory } from '../../identity/accounts/user-directory.js';
import type { UserRow } from '../../identity/accounts/user.js';
import { ADMIN_ERRORS, User } from '../../identity/accounts/user.type.js';
import type { AuditAction as Action } from '../../../ports/audit-log.js';
import type { AuditEventRow } from './audit-event.js';
import type { AuditService } from './audit.service.js';
import { AuditAction, AuditEvent, AuditEventConnection } from './audit.type.js';

const rules = z.looseObject({ userId: uuid().nullish(), actorId: uuid().nullish() });

const ACTION = 'Only these; all by default.';
const USER = 'Only what was done to this user, deleted or not.';
const ACTOR = 'Only what this user did.';
const SINCE = 'The earliest time, included. The beginning by default.';
const UNTIL = 'The latest time, excluded. Now by default.';

interface AuditResolverNeeds {
  readonly service: AuditService;
  readonly directory: Pick<UserDirectory, 'loadMany'>;
}

@Resolver(() => AuditEvent)
export class AuditResolver {
  constructor(private readonly needs: AuditResolverNeeds) {}

  @Operation('admin', rules)
  @Rest({
    method: 'GET',
    path: '/admin/audit',
    operationId: 'adminListAuditEvents',
    summary: 'Read the audit log, newest first',
    tag: 'Admin',
    arguments: {
      ...paging,
      action: query('action'),
      userId: query('user_id'),
      actorId: query('actor_id'),
      since: query('since'),
      until: query('until'),
    },
    errors: ADMIN_ERRORS,
  })
  @Query(() => AuditEventConnection, {
    description:
      'What was done to accounts and by whom, newest first: the events that every argument fits. For admins: FORBIDDEN to anyone else.',
  })
  auditEvents(
    @CurrentViewer() viewer: Viewer,
    @Arg('first', () => Int, { nullable: true, defaultValue: 20, description: 'How many at most, from 1 to 100.' })
    first: number | null,
    @Arg('after', () => String, { nullable: true, description: 'The cursor to go on after.' }) after: string | null,
    @Arg('offset', () => Int, { nullable: true, description: 'How many to leave out first. Cursors cost less.' })
    offset: number | null,
    @Arg('action', () => AuditAction, { nullable: true, description: ACTION }) action: Action | null,
    @Arg('userId', () => ID, { nullable: true, description: USER }) userId: string | null,
    @Arg('actorId', () => ID, { nullable: true, description: ACTOR }) actorId: string | null,
    @Arg('since', () => GraphQLDateTime, { nullable: true, description: SINCE }) since: Date | null,
    @Arg('until', () => GraphQLDateTime, { nullable: true, description: UNTIL }) until: Date | null,
  ): Promise<Connection<AuditEventRow>> {
    const filter = { action, subjectId: userId, actorId, since, until };
    return this.needs.service.list(viewer, filter, { first, after, offset });
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
    return batch(context, directory, { of: 'id' }, id, (ids) => directory.loadMany(ids));
  }
}
