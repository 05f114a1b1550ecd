import { Arg, Ctx, Mutation, Resolver } from 'type-graphql';
import { z } from 'zod';
import type { RequestContext } from '../../../graphql/context.js';
import { Operation } from '../../../graphql/operation.js';
import { detail, type RestError } from '../../../rest/answers.js';
import { Rest } from '../../../rest/route.js';
import { body } from '../../../rest/sources.js';
import { email, text } from '../../../kernel/rules.js';
import { password } from '../accounts/accounts.rules.js';
import { ResetPasswordInput, VerifyEmailInput } from './one-time-code.type.js';
import type { OneTimeCodesService, Redemption } from './one-time-codes.service.js';

/** Of what is compared with what was sent, only the length has a rule: the answer to anything else is `Invalid OTP`. */
const redemption = { email: text(254), otp: text(64) };

const requestRules = z.object({ email: email() });
const resetRules = z.object({ input: z.object({ ...redemption, newPassword: password() }) });
const verifyRules = z.object({ input: z.object(redemption) });

const INVALID_CODE: RestError = { code: 'BAD_USER_INPUT', status: 400, message: 'Invalid OTP' };
const TOO_MANY_REQUESTS: RestError = { code: 'RATE_LIMITED', message: 'Too many requests' };
const EMAIL_REQUIRED = { status: 400, message: 'Email required' } as const;
const INVALID_REQUEST = { status: 400, message: 'Invalid request' } as const;

@Resolver()
export class OneTimeCodesResolver {
  constructor(private readonly service: OneTimeCodesService) {}

  @Operation('anyone', requestRules)
  @Rest({
    method: 'POST',
    path: '/auth/request-reset',
    operationId: 'requestPasswordReset',
    summary: 'Ask for a code to set a new password with',
    tag: 'Auth',
    arguments: { email: body() },
    incomplete: EMAIL_REQUIRED,
    data: detail('reset requested'),
    errors: [TOO_MANY_REQUESTS],
  })
  @Mutation(() => Boolean, {
    description:
      'Mails a code to the address, if it is that of an account; for `resetPassword`, for five minutes. The answer is the same for any address: always true. RATE_LIMITED after too many for an address or from a client.',
  })
  async requestPasswordReset(
    @Ctx() context: RequestContext,
    @Arg('email', () => String, { description: 'In any case.' }) address: string,
  ): Promise<boolean> {
    await this.service.request('PASSWORD_RESET', address, context.client);
    return true;
  }

  @Operation('anyone', resetRules)
  @Rest({
    method: 'POST',
    path: '/auth/reset-password',
    operationId: 'resetPassword',
    summary: 'Set a new password with a code',
    tag: 'Auth',
    arguments: { input: body() },
    incomplete: INVALID_REQUEST,
    data: detail('password updated'),
    errors: [INVALID_CODE],
  })
  @Mutation(() => Boolean, {
    description:
      'Sets a new password with the code of `requestPasswordReset`, and ends every session of the user. It logs nobody in. BAD_USER_INPUT `Invalid OTP` when the code is wrong, used, replaced or too old, or after five tries. Always true.',
  })
  async resetPassword(
    @Ctx() context: RequestContext,
    @Arg('input', () => ResetPasswordInput) input: ResetPasswordInput,
  ): Promise<boolean> {
    await this.service.resetPassword(redemptionOf(input, context), input.newPassword);
    return true;
  }

  @Operation('anyone', requestRules)
  @Rest({
    method: 'POST',
    path: '/auth/request-verify',
    operationId: 'requestEmailVerification',
    summary: 'Ask for a code to confirm an e-mail address with',
    tag: 'Auth',
    arguments: { email: body() },
    incomplete: EMAIL_REQUIRED,
    data: detail('verification requested'),
    errors: [TOO_MANY_REQUESTS],
  })
  @Mutation(() => Boolean, {
    description:
      'Mails a code to the address, if it is that of an account and not verified yet; for `verifyEmail`, for five minutes. The answer is the same for any address: always true. RATE_LIMITED after too many for an address or from a client.',
  })
  async requestEmailVerification(
    @Ctx() context: RequestContext,
    @Arg('email', () => String, { description: 'In any case.' }) address: string,
  ): Promise<boolean> {
    await this.service.request('EMAIL_VERIFICATION', address, context.client);
    return true;
  }

  @Operation('anyone', verifyRules)
  @Rest({
    method: 'POST',
    path: '/auth/verify-email',
    operationId: 'verifyEmail',
    summary: 'Confirm an e-mail address with a code',
    tag: 'Auth',
    arguments: { input: body() },
    incomplete: INVALID_REQUEST,
    data: detail('email verified'),
    errors: [INVALID_CODE],
  })
  @Mutation(() => Boolean, {
    description:
      'Marks the account as verified with the code of `requestEmailVerification`. BAD_USER_INPUT `Invalid OTP` when the code is wrong, used, replaced or too old, or after five tries. Always true.',
  })
  async verifyEmail(
    @Ctx() context: RequestContext,
    @Arg('input', () => VerifyEmailInput) input: VerifyEmailInput,
  ): Promise<boolean> {
    await this.service.verifyEmail(redemptionOf(input, context));
    return true;
  }
}

function redemptionOf({ email: address, otp }: VerifyEmailInput, { client }: RequestContext): Redemption {
  return { email: address, code: otp, client };
}
