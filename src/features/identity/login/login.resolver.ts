import { Arg, Ctx, Mutation, Resolver } from 'type-graphql';
import type { RequestContext } from '../../../graphql/context.js';
import { Operation } from '../../../graphql/operation.js';
import { Rest } from '../../../rest/route.js';
import { AuthTokens } from '../sessions/session.type.js';
import type { Tokens } from '../sessions/sessions.service.js';
import { descriptions } from './login.descriptions.js';
import { routes } from './login.routes.js';
import { loginRules, completeRules } from './login.rules.js';
import type { LoginService } from './login.service.js';
import { CompleteLoginInput, LoginInput } from './login.type.js';

@Resolver()
export class LoginResolver {
  constructor(private readonly service: LoginService) {}

  @Operation('anyone', loginRules)
  @Rest(routes.login)
  @Mutation(() => AuthTokens, { description: descriptions.login })
  login(
    @Ctx() context: RequestContext,
    @Arg('input', () => LoginInput) { email, password }: LoginInput,
  ): Promise<Tokens> {
    return this.service.login(email, password, context.client);
  }

  @Operation('anyone', completeRules)
  @Rest(routes.completeLogin)
  @Mutation(() => AuthTokens, { description: descriptions.completeLogin })
  completeLogin(
    @Ctx() context: RequestContext,
    @Arg('input', () => CompleteLoginInput) input: CompleteLoginInput,
  ): Promise<Tokens> {
    return this.service.complete(input.challenge, input.code, context.client);
  }
}
