import { Arg, Ctx, Mutation, Resolver } from 'type-graphql';
import { z } from 'zod';
import type { RequestContext } from '../../../graphql/context.js';
import { Operation } from '../../../graphql/operation.js';
import { Rest } from '../../../rest/route.js';
import { body } from '../../../rest/sources.js';
import { text } from '../../../kernel/rules.js';
import { MAX_CODE_LENGTH } from '../second-factor/second-factor.js';
import { SECOND_FACTOR_REQUIRED, TOO_MANY_CODES } from '../second-factor/second-factor.type.js';
import { AuthTokens } from '../sessions/session.type.js';
import type { Tokens } from '../sessions/sessions.service.js';
import type { LoginService } from './login.service.js';
import { CompleteLoginInput, LoginInput } from './login.type.js';

/** Twice the longest password that there can be, in UTF-16 units. */
const loginRules = z.object({ input: z.object({ email: text(254), password: text(512) }) });

const completeRules = z.object({ input: z.object({ challenge: text(256), code: text(MAX_CODE_LENGTH) }) });

@Resolver()
export class LoginResolver {
  constructor(private readonly service: LoginService) {}

  @Operation('anyone', loginRules)
  @Rest({
    method: 'POST',
    path: '/auth/login',
    operationId: 'login',
    summary: 'Log in with e-mail address and password',
    tag: 'Auth',
    arguments: { input: body() },
    errors: [
      { code: 'UNAUTHENTICATED', message: 'Invalid credentials' },
      SECOND_FACTOR_REQUIRED,
      { code: 'FORBIDDEN', message: 'Account disabled' },
      { code: 'RATE_LIMITED', message: 'Too many login attempts' },
    ],
  })
  @Mutation(() => AuthTokens, {
    description:
      'Opens a session. UNAUTHENTICATED `Invalid credentials` when address or password is wrong, FORBIDDEN `Account disabled` when only the account is in the way; UNAUTHENTICATED `Second factor required` when the user has one, with `secondFactor { challenge, expiresIn, methods }` in `extensions` for `completeLogin`; RATE_LIMITED after too many tries for an address or from a client, good ones included; UNAVAILABLE when too many passwords are being checked at once.',
  })
  login(
    @Ctx() context: RequestContext,
    @Arg('input', () => LoginInput) { email, password }: LoginInput,
  ): Promise<Tokens> {
    return this.service.login(email, password, context.client);
  }

  @Operation('anyone', completeRules)
  @Rest({
    method: 'POST',
    path: '/auth/second-factor',
    operationId: 'completeLogin',
    summary: 'End a login with the second factor',
    tag: 'Second factor',
    arguments: { input: body() },
    errors: [
      { code: 'UNAUTHENTICATED', message: 'Invalid challenge' },
      { code: 'UNAUTHENTICATED', message: 'Invalid code' },
      { code: 'UNAUTHENTICATED', message: 'Invalid credentials' },
      { code: 'FORBIDDEN', message: 'Account disabled' },
      TOO_MANY_CODES,
    ],
  })
  @Mutation(() => AuthTokens, {
    description:
      'Opens the session that a login was refused with `Second factor required`. UNAUTHENTICATED `Invalid code`, and the challenge is good for another try; UNAUTHENTICATED `Invalid challenge` when it is used, older than five minutes, tried five times, or the password is another one since: log in again. RATE_LIMITED after five wrong codes of the app in a row, over all logins of the user, for a quarter of an hour and longer each time; a recovery code ends that.',
  })
  completeLogin(
    @Ctx() context: RequestContext,
    @Arg('input', () => CompleteLoginInput) input: CompleteLoginInput,
  ): Promise<Tokens> {
    return this.service.complete(input.challenge, input.code, context.client);
  }
}
