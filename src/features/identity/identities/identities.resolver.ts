import { Arg, ID, Mutation, Query, Resolver } from 'type-graphql';
import { IdempotentByItself } from '../../../graphql/idempotency.js';
import { CurrentViewer, Operation } from '../../../graphql/operation.js';
import { idRules } from '../../../kernel/rules.js';
import type { Viewer } from '../../../kernel/viewer.js';
import { Rest } from '../../../rest/route.js';
import { descriptions } from './identities.descriptions.js';
import { routes } from './identities.routes.js';
import { finishRules, startLinkRules } from './identities.rules.js';
import type { IdentitiesService } from './identities.service.js';
import type { IdentityRow } from './identity.js';
import {
  FinishProviderLoginInput,
  Identity,
  ProviderLoginStart,
  StartIdentityLinkInput,
  answerOf,
} from './identity.type.js';
import type { ProviderLoginsService, StartedLogin } from './provider-logins.service.js';

interface IdentitiesResolverNeeds {
  readonly service: IdentitiesService;
  readonly logins: ProviderLoginsService;
}

@Resolver()
export class IdentitiesResolver {
  constructor(private readonly needs: IdentitiesResolverNeeds) {}

  @Operation('user')
  @Rest(routes.listIdentities)
  @Query(() => [Identity], { description: 'The providers that log the caller in, oldest link first.' })
  identities(@CurrentViewer() viewer: Viewer): Promise<readonly IdentityRow[]> {
    return this.needs.service.list(viewer);
  }

  @Operation('user', startLinkRules)
  @IdempotentByItself('it only begins: a repeat begins anew, with a secret of its own')
  @Rest(routes.startIdentityLink)
  @Mutation(() => ProviderLoginStart, { description: descriptions.startIdentityLink })
  startIdentityLink(
    @CurrentViewer() viewer: Viewer,
    @Arg('input', () => StartIdentityLinkInput) { provider, redirectUri, password = null }: StartIdentityLinkInput,
  ): Promise<StartedLogin> {
    return this.needs.logins.startLink(viewer, { provider, redirectUri, password });
  }

  @Operation('user', finishRules)
  @IdempotentByItself('what it finishes is good once')
  @Rest(routes.finishIdentityLink)
  @Mutation(() => Identity, { description: descriptions.finishIdentityLink })
  finishIdentityLink(
    @CurrentViewer() viewer: Viewer,
    @Arg('input', () => FinishProviderLoginInput) input: FinishProviderLoginInput,
  ): Promise<IdentityRow> {
    return this.needs.logins.finishLink(viewer, answerOf(input));
  }

  @Operation('user', idRules)
  @Rest(routes.unlinkIdentity)
  @Mutation(() => Boolean, { description: descriptions.unlinkIdentity })
  async unlinkIdentity(@CurrentViewer() viewer: Viewer, @Arg('id', () => ID) id: string): Promise<boolean> {
    await this.needs.service.unlink(viewer, id);
    return true;
  }
}
