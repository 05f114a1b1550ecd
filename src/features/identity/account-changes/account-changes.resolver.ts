import { Arg, Ctx, Mutation, Resolver } from 'type-graphql';
import type { RequestContext } from '../../../graphql/context.js';
import { CurrentViewer, Operation } from '../../../graphql/operation.js';
import { MAX_EMAIL_LENGTH } from '../../../kernel/rules.js';
import type { Viewer } from '../../../kernel/viewer.js';
import { Rest } from '../../../rest/route.js';
import { MAX_PASSWORD_LENGTH } from '../accounts/accounts.rules.js';
import type { UserRow } from '../accounts/user.js';
import { PASSWORD_DESCRIPTION, User } from '../accounts/user.type.js';
import { CODE_DIGITS } from '../one-time-codes/one-time-code.js';
import { CODE_DESCRIPTION } from '../second-factor/second-factor.type.js';
import { descriptions } from './account-changes.descriptions.js';
import { routes } from './account-changes.routes.js';
import { changeEmailRules, changePasswordRules, confirmRules, undoRules } from './account-changes.rules.js';
import type { AccountChangesService } from './account-changes.service.js';

const PRESENT_PASSWORD = `The present password. Only a user who has none may leave it out. At most ${MAX_PASSWORD_LENGTH} characters.`;
const SECOND_FACTOR_CODE = `Needed while a second factor is on. ${CODE_DESCRIPTION}`;

@Resolver()
export class AccountChangesResolver {
  constructor(private readonly service: AccountChangesService) {}

  @Operation('user', changePasswordRules)
  @Rest(routes.changePassword)
  @Mutation(() => Boolean, { description: descriptions.changePassword })
  async changePassword(
    @CurrentViewer() viewer: Viewer,
    @Arg('current', () => String, { nullable: true, description: PRESENT_PASSWORD }) current: string | null,
    @Arg('new', () => String, { description: PASSWORD_DESCRIPTION }) password: string,
    @Arg('code', () => String, { nullable: true, description: SECOND_FACTOR_CODE }) code: string | null,
  ): Promise<boolean> {
    await this.service.changePassword(viewer, { password: current ?? null, code: code ?? null }, password);
    return true;
  }

  @Operation('user', changeEmailRules)
  @Rest(routes.changeEmail)
  @Mutation(() => Boolean, { description: descriptions.changeEmail })
  async changeEmail(
    @CurrentViewer() viewer: Viewer,
    @Arg('password', () => String, { nullable: true, description: PRESENT_PASSWORD }) password: string | null,
    @Arg('email', () => String, { description: `The new address. At most ${MAX_EMAIL_LENGTH} characters.` })
    email: string,
    @Arg('code', () => String, { nullable: true, description: SECOND_FACTOR_CODE }) code: string | null,
  ): Promise<boolean> {
    await this.service.changeEmail(viewer, { password: password ?? null, code: code ?? null }, email);
    return true;
  }

  @Operation('user', confirmRules)
  @Rest(routes.confirmEmailChange)
  @Mutation(() => User, { description: descriptions.confirmEmailChange })
  confirmEmailChange(
    @CurrentViewer() viewer: Viewer,
    @Arg('code', () => String, { description: `The ${CODE_DIGITS} digits of the mail.` }) code: string,
  ): Promise<UserRow> {
    return this.service.confirmEmailChange(viewer, code);
  }

  @Operation('anyone', undoRules)
  @Rest(routes.undoAccountChange)
  @Mutation(() => Boolean, { description: descriptions.undoAccountChange })
  async undoAccountChange(
    @Ctx() context: RequestContext,
    @Arg('token', () => String, { description: 'What the link in the mail ends with, after `token=`.' }) token: string,
  ): Promise<boolean> {
    await this.service.undo(token, context.client);
    return true;
  }
}
