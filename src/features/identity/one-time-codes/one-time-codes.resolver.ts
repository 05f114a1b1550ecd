import { Arg, Ctx, Mutation, Resolver } from 'type-graphql';
import type { RequestContext } from '../../../graphql/context.js';
import { Operation } from '../../../graphql/operation.js';
import { DomainError, Unavailable } from '../../../kernel/errors.js';
import type { Viewer } from '../../../kernel/viewer.js';
import { Rest } from '../../../rest/route.js';
import { ResetPasswordInput, VerifyEmailInput } from './one-time-code.type.js';
import { descriptions } from './one-time-codes.descriptions.js';
import { routes } from './one-time-codes.routes.js';
import { requestRules, resetRules, verifyRules } from './one-time-codes.rules.js';
import type { OneTimeCodesService, Redemption } from './one-time-codes.service.js';

@Resolver()
export class OneTimeCodesResolver {
  constructor(private readonly service: OneTimeCodesService) {}

  @Operation('anyone', requestRules)
  @Rest(routes.requestPasswordReset)
  @Mutation(() => Boolean, { description: descriptions.requestPasswordReset })
  async requestPasswordReset(
    @Ctx() context: RequestContext,
    @Arg('email', () => String, { description: 'In any case.' }) address: string,
  ): Promise<boolean> {
    await this.service.request('PASSWORD_RESET', address, context.client);
    return true;
  }

  @Operation('anyone', resetRules)
  @Rest(routes.resetPassword)
  @Mutation(() => Boolean, { description: descriptions.resetPassword })
  async resetPassword(
    @Ctx() context: RequestContext,
    @Arg('input', () => ResetPasswordInput) input: ResetPasswordInput,
  ): Promise<boolean> {
    await this.service.resetPassword(redemptionOf(input, context), input.newPassword);
    return true;
  }

  @Operation('anyone', requestRules)
  @Rest(routes.requestEmailVerification)
  @Mutation(() => Boolean, { description: descriptions.requestEmailVerification })
  async requestEmailVerification(
    @Ctx() context: RequestContext,
    @Arg('email', () => String, { description: 'In any case.' }) address: string,
  ): Promise<boolean> {
    await this.service.request('EMAIL_VERIFICATION', address, context.client);
    return true;
  }

  @Operation('anyone', verifyRules)
  @Rest(routes.verifyEmail)
  @Mutation(() => Boolean, { description: descriptions.verifyEmail })
  async verifyEmail(
    @Ctx() context: RequestContext,
    @Arg('input', () => VerifyEmailInput) input: VerifyEmailInput,
  ): Promise<boolean> {
    await this.service.verifyEmail(redemptionOf(input, context), await holderOf(context));
    return true;
  }
}

/** Null for a caller without good credentials, who may verify all the same: old clients send tokens that have expired. */
async function holderOf(context: RequestContext): Promise<Viewer | null> {
  try {
    return await context.viewer();
  } catch (error) {
    if (error instanceof DomainError && !(error instanceof Unavailable)) return null;
    throw error;
  }
}

function redemptionOf({ email: address, otp }: VerifyEmailInput, { client }: RequestContext): Redemption {
  return { email: address, code: otp, client };
}
