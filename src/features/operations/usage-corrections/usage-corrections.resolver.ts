import { Arg, Args, ID, Mutation, Query, Resolver } from 'type-graphql';
import { CurrentViewer, Operation } from '../../../graphql/operation.js';
import { OffsetPage } from '../../../graphql/page-arguments.js';
import type { Connection } from '../../../kernel/page.js';
import type { Viewer } from '../../../kernel/viewer.js';
import { Rest } from '../../../rest/route.js';
import { userIdRules } from '../user-links/user-links.rules.js';
import type { UsageCorrectionRow } from './usage-correction.js';
import { UsageCorrection, UsageCorrectionConnection, UsageCorrectionInput } from './usage-correction.type.js';
import { routes } from './usage-corrections.routes.js';
import { correctionRules } from './usage-corrections.rules.js';
import type { UsageCorrectionsService } from './usage-corrections.service.js';

@Resolver()
export class UsageCorrectionsResolver {
  constructor(private readonly service: UsageCorrectionsService) {}

  @Operation('admin', correctionRules)
  @Rest(routes.adminCorrectUsage)
  @Mutation(() => UsageCorrection, {
    description:
      "Changes what a user has used today, which `limits` and the next message go by at once, and adds a CORRECTION to the user's ledger. CONFLICT when less was used than is given back, without what running replies hold. For admins: FORBIDDEN to anyone else.",
  })
  adminCorrectUsage(
    @CurrentViewer() viewer: Viewer,
    @Arg('userId', () => ID) userId: string,
    @Arg('input', () => UsageCorrectionInput) input: UsageCorrectionInput,
  ): Promise<UsageCorrectionRow> {
    return this.service.correct(viewer, userId, input);
  }

  @Operation('admin', userIdRules)
  @Rest(routes.adminListUsageCorrections)
  @Query(() => UsageCorrectionConnection, {
    description:
      'The changes that admins made of what a user has used, with their reasons, newest first. For admins: FORBIDDEN to anyone else.',
  })
  adminUsageCorrections(
    @CurrentViewer() viewer: Viewer,
    @Arg('userId', () => ID) userId: string,
    @Args(() => OffsetPage) page: OffsetPage,
  ): Promise<Connection<UsageCorrectionRow>> {
    return this.service.list(viewer, userId, page);
  }
}
