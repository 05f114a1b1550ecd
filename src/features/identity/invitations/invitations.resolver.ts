import { Arg, Args, ID, Mutation, Query, Resolver } from 'type-graphql';
import { CurrentViewer, Operation } from '../../../graphql/operation.js';
import { OffsetPage } from '../../../graphql/page-arguments.js';
import type { Connection } from '../../../kernel/page.js';
import { idRules } from '../../../kernel/rules.js';
import type { Viewer } from '../../../kernel/viewer.js';
import { Rest } from '../../../rest/route.js';
import type { InvitationRow, NewInvitationRow } from './invitation.js';
import { CreateInvitationInput, Invitation, InvitationConnection } from './invitation.type.js';
import { routes } from './invitations.routes.js';
import { invitationRules } from './invitations.rules.js';
import type { InvitationsService } from './invitations.service.js';

@Resolver(() => Invitation)
export class InvitationsResolver {
  constructor(private readonly service: InvitationsService) {}

  @Operation('admin')
  @Rest(routes.listInvitations)
  @Query(() => InvitationConnection, { description: 'All invitations, newest first. For admins: FORBIDDEN to others.' })
  invitations(
    @CurrentViewer() viewer: Viewer,
    @Args(() => OffsetPage) page: OffsetPage,
  ): Promise<Connection<InvitationRow>> {
    return this.service.list(viewer, page);
  }

  @Operation('admin', invitationRules)
  @Rest(routes.createInvitation)
  @Mutation(() => Invitation, {
    description:
      'Makes an invitation, and mails it where it is for an address. Its `code` is in this answer and nowhere else. For admins: FORBIDDEN to others.',
  })
  createInvitation(
    @CurrentViewer() viewer: Viewer,
    @Arg('input', () => CreateInvitationInput) input: CreateInvitationInput,
  ): Promise<NewInvitationRow> {
    return this.service.create(viewer, input);
  }

  @Operation('admin', idRules)
  @Rest(routes.revokeInvitation)
  @Mutation(() => Invitation, {
    description:
      'Revokes an invitation: nobody can use it any more, and accounts made with it stay. NOT_FOUND when there is none. For admins: FORBIDDEN to others.',
  })
  revokeInvitation(
    @CurrentViewer() viewer: Viewer,
    @Arg('id', () => ID, { description: "The invitation's id." }) id: string,
  ): Promise<InvitationRow> {
    return this.service.revoke(viewer, id);
  }
}
