import { Arg, ID, Mutation, Query, Resolver } from 'type-graphql';
import { z } from 'zod';
import { CurrentViewer, Operation } from '../../../graphql/operation.js';
import { detail } from '../../../rest/answers.js';
import { Rest } from '../../../rest/route.js';
import { body, path } from '../../../rest/sources.js';
import { text, uuid } from '../../../kernel/rules.js';
import { MAX_CODE_LENGTH } from './second-factor.js';
import type { Viewer } from '../../../kernel/viewer.js';
import { ADMIN_ERRORS, NO_SUCH_USER } from '../accounts/user.type.js';
import type { SecondFactorStatus } from './second-factor.js';
import type { SecondFactorEnrolment as Enrolment, SecondFactorService } from './second-factor.service.js';
import {
  EnrolSecondFactorInput,
  INVALID_CODE,
  RECENT_LOGIN_REQUIRED,
  RecoveryCodes,
  SecondFactor,
  SecondFactorEnrolment,
  TOO_MANY_CODES,
  TOO_MANY_LOGINS,
} from './second-factor.type.js';

const code = () => text(MAX_CODE_LENGTH);

const codeRules = z.object({ code: code() });
/** A password is at most 256 characters, of two UTF-16 units each. */
const enrolRules = z.object({ input: z.object({ password: text(512).nullish(), code: code().nullish() }) });
const userRules = z.object({ userId: uuid() });

const tag = 'Second factor';
const DISABLED = detail('second factor disabled');
const BY_CODE =
  'BAD_USER_INPUT `Invalid code` when it is wrong, used, or the second factor is off; RATE_LIMITED after five wrong ones in a row, for a quarter of an hour and longer each time, and after too many tries of any kind.';

@Resolver()
export class SecondFactorResolver {
  constructor(private readonly service: SecondFactorService) {}

  @Operation('user')
  @Rest({
    method: 'GET',
    path: '/auth/second-factor',
    operationId: 'getSecondFactor',
    summary: 'Whether the second factor is on',
    tag,
  })
  @Query(() => SecondFactor, { description: "The caller's second factor." })
  secondFactor(@CurrentViewer() viewer: Viewer): Promise<SecondFactorStatus> {
    return this.service.status(viewer);
  }

  @Operation('user', enrolRules)
  @Rest({
    method: 'POST',
    path: '/auth/second-factor/enrol',
    operationId: 'enrolSecondFactor',
    summary: 'Begin to set up an authenticator app',
    tag,
    arguments: { input: body() },
    errors: [
      INVALID_CODE,
      TOO_MANY_CODES,
      RECENT_LOGIN_REQUIRED,
      TOO_MANY_LOGINS,
      { code: 'CONFLICT', message: 'The second factor was changed meanwhile' },
    ],
  })
  @Mutation(() => SecondFactorEnrolment, {
    description:
      'Makes a secret for an authenticator app; an earlier one that waits for its confirmation is dead. Nothing changes until `confirmSecondFactor`. BAD_USER_INPUT without the right password, and, while a second factor is on, without a code of it; a user without a password has to have logged in within ten minutes, FORBIDDEN `Recent login required`. RATE_LIMITED after too many tries.',
  })
  enrolSecondFactor(
    @CurrentViewer() viewer: Viewer,
    @Arg('input', () => EnrolSecondFactorInput) input: EnrolSecondFactorInput,
  ): Promise<Enrolment> {
    return this.service.enrol(viewer, { password: input.password ?? null, code: input.code ?? null });
  }

  @Operation('user', codeRules)
  @Rest({
    method: 'POST',
    path: '/auth/second-factor/confirm',
    operationId: 'confirmSecondFactor',
    summary: 'Turn the second factor on',
    tag,
    arguments: { code: body() },
    errors: [INVALID_CODE],
  })
  @Mutation(() => RecoveryCodes, {
    description:
      'Turns the second factor on with a code of the app that `enrolSecondFactor` was for: from then on, logins ask for it; sessions that there are go on. BAD_USER_INPUT `Invalid code` when it is wrong, or no enrolment waits; an enrolment is good for 15 minutes and five tries.',
  })
  async confirmSecondFactor(
    @CurrentViewer() viewer: Viewer,
    @Arg('code', () => String, { description: 'Six digits of the app.' }) text: string,
  ): Promise<RecoveryCodes> {
    return { recoveryCodes: await this.service.confirm(viewer, text) };
  }

  @Operation('user', codeRules)
  @Rest({
    method: 'POST',
    path: '/auth/second-factor/recovery-codes',
    operationId: 'regenerateRecoveryCodes',
    summary: 'Make new recovery codes',
    tag,
    arguments: { code: body() },
    errors: [INVALID_CODE, TOO_MANY_CODES, TOO_MANY_LOGINS],
  })
  @Mutation(() => RecoveryCodes, {
    description: `Makes ten new recovery codes; the old ones are dead. Takes a code of the app, or an old recovery code. ${BY_CODE}`,
  })
  async regenerateRecoveryCodes(
    @CurrentViewer() viewer: Viewer,
    @Arg('code', () => String) text: string,
  ): Promise<RecoveryCodes> {
    return { recoveryCodes: await this.service.regenerateRecoveryCodes(viewer, text) };
  }

  @Operation('user', codeRules)
  @Rest({
    method: 'POST',
    path: '/auth/second-factor/disable',
    operationId: 'disableSecondFactor',
    summary: 'Switch the second factor off',
    tag,
    arguments: { code: body() },
    data: DISABLED,
    errors: [INVALID_CODE, TOO_MANY_CODES, TOO_MANY_LOGINS],
  })
  @Mutation(() => Boolean, {
    description: `Switches the second factor off, and forgets the recovery codes. Takes a code of the app, or a recovery code. ${BY_CODE} Always true.`,
  })
  async disableSecondFactor(
    @CurrentViewer() viewer: Viewer,
    @Arg('code', () => String) text: string,
  ): Promise<boolean> {
    await this.service.disable(viewer, text);
    return true;
  }

  @Operation('admin', userRules)
  @Rest({
    method: 'DELETE',
    path: '/admin/users/{user_id}/second-factor',
    operationId: 'adminDisableSecondFactor',
    summary: "Switch a user's second factor off",
    tag: 'Admin',
    arguments: { userId: path('user_id') },
    data: DISABLED,
    errors: [...ADMIN_ERRORS, NO_SUCH_USER, { code: 'FORBIDDEN', message: 'Another admin has to do this' }],
  })
  @Mutation(() => Boolean, {
    description:
      'Switches the second factor of a user off who has lost it. For admins, and not for their own: FORBIDDEN `Another admin has to do this`. Always true, also when it was off.',
  })
  async adminDisableSecondFactor(
    @CurrentViewer() viewer: Viewer,
    @Arg('userId', () => ID) userId: string,
  ): Promise<boolean> {
    await this.service.disableAsAdmin(viewer, userId);
    return true;
  }
}
