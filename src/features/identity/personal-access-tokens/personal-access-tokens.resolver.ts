import { Arg, ID, Mutation, Query, Resolver } from 'type-graphql';
import { CurrentViewer, Operation } from '../../../graphql/operation.js';
import { idRules, ofUserRules, oneOfUserRules } from '../../../kernel/rules.js';
import type { Viewer } from '../../../kernel/viewer.js';
import { Rest } from '../../../rest/route.js';
import type { NewPersonalAccessToken, PersonalAccessTokenRow } from './personal-access-token.js';
import { CreatePersonalAccessTokenInput, PersonalAccessToken } from './personal-access-token.type.js';
import { descriptions } from './personal-access-tokens.descriptions.js';
import { routes } from './personal-access-tokens.routes.js';
import { createTokenRules } from './personal-access-tokens.rules.js';
import type { PersonalAccessTokensService } from './personal-access-tokens.service.js';

@Resolver()
export class PersonalAccessTokensResolver {
  constructor(private readonly service: PersonalAccessTokensService) {}

  @Operation('user')
  @Rest(routes.listPersonalAccessTokens)
  @Query(() => [PersonalAccessToken], { description: descriptions.list })
  personalAccessTokens(@CurrentViewer() viewer: Viewer): Promise<readonly PersonalAccessTokenRow[]> {
    return this.service.list(viewer);
  }

  @Operation('user', createTokenRules)
  @Rest(routes.createPersonalAccessToken)
  @Mutation(() => PersonalAccessToken, { description: descriptions.create })
  createPersonalAccessToken(
    @CurrentViewer() viewer: Viewer,
    @Arg('input', () => CreatePersonalAccessTokenInput) input: CreatePersonalAccessTokenInput,
  ): Promise<NewPersonalAccessToken> {
    return this.service.create(viewer, input);
  }

  @Operation('user', idRules)
  @Rest(routes.revokePersonalAccessToken)
  @Mutation(() => PersonalAccessToken, { description: descriptions.revoke })
  revokePersonalAccessToken(
    @CurrentViewer() viewer: Viewer,
    @Arg('id', () => ID) id: string,
  ): Promise<PersonalAccessTokenRow> {
    return this.service.revoke(viewer, id);
  }

  @Operation('admin', ofUserRules)
  @Rest(routes.adminListPersonalAccessTokens)
  @Query(() => [PersonalAccessToken], { description: descriptions.adminList })
  adminPersonalAccessTokens(
    @CurrentViewer() viewer: Viewer,
    @Arg('userId', () => ID) userId: string,
  ): Promise<readonly PersonalAccessTokenRow[]> {
    return this.service.listOf(viewer, userId);
  }

  @Operation('admin', oneOfUserRules)
  @Rest(routes.adminRevokePersonalAccessToken)
  @Mutation(() => PersonalAccessToken, { description: descriptions.adminRevoke })
  adminRevokePersonalAccessToken(
    @CurrentViewer() viewer: Viewer,
    @Arg('userId', () => ID) userId: string,
    @Arg('id', () => ID) id: string,
  ): Promise<PersonalAccessTokenRow> {
    return this.service.revokeOf(viewer, userId, id);
  }
}
