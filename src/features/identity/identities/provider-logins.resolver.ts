import { Arg, Ctx, Mutation, Query, Resolver } from 'type-graphql';
import type { RequestContext } from '../../../graphql/context.js';
import { Operation } from '../../../graphql/operation.js';
import { Rest } from '../../../rest/route.js';
import { AuthTokens } from '../sessions/session.type.js';
import type { Tokens } from '../sessions/sessions.service.js';
import { descriptions } from './identities.descriptions.js';
import { routes } from './identities.routes.js';
import { finishRules, redeemRules, startRules } from './identities.rules.js';
import {
  FinishProviderLoginInput,
  LoginProvider,
  ProviderLogin,
  ProviderLoginStart,
  RedeemLoginCodeInput,
  StartProviderLoginInput,
  answerOf,
} from './identity.type.js';
import type { FinishedLogin, ProviderLoginsService, StartedLogin } from './provider-logins.service.js';

@Resolver()
export class ProviderLoginsResolver {
  constructor(private readonly service: ProviderLoginsService) {}

  @Operation('anyone')
  @Rest(routes.listLoginProviders)
  @Query(() => [LoginProvider], { description: descriptions.loginProviders })
  loginProviders(): readonly LoginProvider[] {
    return this.service.list();
  }

  @Operation('anyone', startRules)
  @Rest(routes.startProviderLogin)
  @Mutation(() => ProviderLoginStart, { description: descriptions.startProviderLogin })
  startProviderLogin(
    @Ctx() { client }: RequestContext,
    @Arg('input', () => StartProviderLoginInput) input: StartProviderLoginInput,
  ): Promise<StartedLogin> {
    const { provider, redirectUri = null, returnUrl = null, codeChallenge = null, secret = null } = input;
    return this.service.start({ provider, redirectUri, returnUrl, codeChallenge, secret }, client);
  }

  @Operation('anyone', finishRules)
  @Rest(routes.finishProviderLogin)
  @Mutation(() => ProviderLogin, { description: descriptions.finishProviderLogin })
  finishProviderLogin(
    @Ctx() { client }: RequestContext,
    @Arg('input', () => FinishProviderLoginInput) input: FinishProviderLoginInput,
  ): Promise<FinishedLogin> {
    return this.service.finish(answerOf(input), client);
  }

  @Operation('anyone', redeemRules)
  @Rest(routes.redeemLoginCode)
  @Mutation(() => AuthTokens, { description: descriptions.redeemLoginCode })
  redeemLoginCode(
    @Ctx() { client }: RequestContext,
    @Arg('input', () => RedeemLoginCodeInput) { code, codeVerifier }: RedeemLoginCodeInput,
  ): Promise<Tokens> {
    return this.service.redeemCode(code, codeVerifier, client);
  }
}
