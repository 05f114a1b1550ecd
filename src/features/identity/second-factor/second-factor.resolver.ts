import { Arg, ID, Mutation, Query, Resolver } from 'type-graphql';
import { CurrentViewer, Operation } from '../../../graphql/operation.js';
import { ofUserRules } from '../../../kernel/rules.js';
import type { Viewer } from '../../../kernel/viewer.js';
import { Rest } from '../../../rest/route.js';
import { descriptions } from './second-factor.descriptions.js';
import type { SecondFactorStatus } from './second-factor.js';
import { routes } from './second-factor.routes.js';
import { enrolRules, codeRules } from './second-factor.rules.js';
import type { SecondFactorEnrolment as Enrolment, SecondFactorService } from './second-factor.service.js';
import { EnrolSecondFactorInput, RecoveryCodes, SecondFactor, SecondFactorEnrolment } from './second-factor.type.js';
import { TOTP_PARAMETERS } from './totp.js';

@Resolver()
export class SecondFactorResolver {
  constructor(private readonly service: SecondFactorService) {}

  @Operation('user')
  @Rest(routes.getSecondFactor)
  @Query(() => SecondFactor, { description: "The caller's second factor." })
  secondFactor(@CurrentViewer() viewer: Viewer): Promise<SecondFactorStatus> {
    return this.service.status(viewer);
  }

  @Operation('user', enrolRules)
  @Rest(routes.enrolSecondFactor)
  @Mutation(() => SecondFactorEnrolment, { description: descriptions.enrolSecondFactor })
  enrolSecondFactor(
    @CurrentViewer() viewer: Viewer,
    @Arg('input', () => EnrolSecondFactorInput) input: EnrolSecondFactorInput,
  ): Promise<Enrolment> {
    return this.service.enrol(viewer, { password: input.password ?? null, code: input.code ?? null });
  }

  @Operation('user', codeRules)
  @Rest(routes.confirmSecondFactor)
  @Mutation(() => RecoveryCodes, { description: descriptions.confirmSecondFactor })
  async confirmSecondFactor(
    @CurrentViewer() viewer: Viewer,
    @Arg('code', () => String, { description: `${TOTP_PARAMETERS.digits} digits of the app.` }) text: string,
  ): Promise<RecoveryCodes> {
    return { recoveryCodes: await this.service.confirm(viewer, text) };
  }

  @Operation('user', codeRules)
  @Rest(routes.regenerateRecoveryCodes)
  @Mutation(() => RecoveryCodes, { description: descriptions.regenerateRecoveryCodes })
  async regenerateRecoveryCodes(
    @CurrentViewer() viewer: Viewer,
    @Arg('code', () => String) text: string,
  ): Promise<RecoveryCodes> {
    return { recoveryCodes: await this.service.regenerateRecoveryCodes(viewer, text) };
  }

  @Operation('user', codeRules)
  @Rest(routes.disableSecondFactor)
  @Mutation(() => Boolean, { description: descriptions.disableSecondFactor })
  async disableSecondFactor(
    @CurrentViewer() viewer: Viewer,
    @Arg('code', () => String) text: string,
  ): Promise<boolean> {
    await this.service.disable(viewer, text);
    return true;
  }

  @Operation('admin', ofUserRules)
  @Rest(routes.adminDisableSecondFactor)
  @Mutation(() => Boolean, { description: descriptions.adminDisableSecondFactor })
  async adminDisableSecondFactor(
    @CurrentViewer() viewer: Viewer,
    @Arg('userId', () => ID) userId: string,
  ): Promise<boolean> {
    await this.service.disableAsAdmin(viewer, userId);
    return true;
  }
}
