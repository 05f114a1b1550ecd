import { Invalid, NotFound, QuotaExceeded } from '../../../kernel/errors.js';
import type { Viewer } from '../../../kernel/viewer.js';
import type { AuditLog } from '../../../ports/audit-log.js';
import { limitState, type UserLimitsRow } from './limits.js';
import type { Plan, PlanCatalogue } from './plan.js';
import type { Holdings, PlansRepository } from './plans.repository.js';

interface PlansServiceNeeds {
  readonly repository: Pick<PlansRepository, 'change' | 'holdings'>;
  readonly catalogue: PlanCatalogue;
  readonly audit: AuditLog;
}

export class PlansService {
  constructor(private readonly needs: PlansServiceNeeds) {}

  list(): readonly Plan[] {
    return this.needs.catalogue.all;
  }

  /** The plan that applies to a user whose row has this plan name. */
  of(name: string): Plan {
    return this.needs.catalogue.of(name);
  }

  find(name: string): Plan | undefined {
    return this.needs.catalogue.find(name);
  }

  /** The viewer's own limits. */
  async limits(viewer: Viewer): Promise<UserLimitsRow> {
    const [limits] = await this.limitsOf([viewer.userId]);
    if (limits instanceof Error || limits === undefined) throw new NotFound('User');
    return limits;
  }

  /** In the order of `userIds`, without a permission check: for users that the viewer may see. */
  async limitsOf(userIds: readonly string[]): Promise<readonly (UserLimitsRow | Error)[]> {
    const found = new Map((await this.needs.repository.holdings(userIds)).map((row) => [row.userId, row]));
    return userIds.map((userId) => {
      const row = found.get(userId);
      if (row === undefined) return new NotFound('User');
      const plan = this.of(row.plan);
      return {
        messages: limitState(row.messagesToday, plan.dailyMessages, row.endOfDay),
        tokens: limitState(row.tokensToday, plan.dailyTokens, row.endOfDay),
        conversations: limitState(row.conversations, plan.maxConversations, null),
        uploads: limitState(row.files, plan.maxFileUploads, null),
      };
    });
  }

  /**
   * Changes the viewer's plan. Refuses a plan that is smaller than what the viewer has, or has used today.
   * @throws Invalid `Invalid plan`; QuotaExceeded, such as `Over conversation quota`
   */
  async change(viewer: Viewer, name: string): Promise<{ changed: boolean; plan: Plan }> {
    const plan = this.needs.catalogue.find(name);
    if (plan === undefined) {
      const names = this.needs.catalogue.all.map(({ id }) => id).join(', ');
      throw new Invalid([{ field: 'plan', message: `must be one of ${names}` }], 'Invalid plan');
    }
    const { userId, client } = viewer;
    const result = await this.needs.repository.change(
      userId,
      (holdings) => {
        if (holdings.plan === name) return { changed: false, plan: name };
        assertFits(holdings, plan);
        return { changed: true, plan: name };
      },
      (before, sql) => {
        const details = { from: before.plan, to: name };
        return this.needs.audit.record(
          { action: 'PLAN_CHANGED', actorId: userId, subjectId: userId, client, details },
          sql,
        );
      },
    );
    if (result === undefined) throw new NotFound('User');
    return { changed: result.changed, plan };
  }
}

function assertFits(holdings: Holdings, plan: Plan): void {
  if (holdings.conversations > plan.maxConversations) throw new QuotaExceeded('Over conversation quota');
  if (holdings.files > plan.maxFileUploads) throw new QuotaExceeded('Over file quota');
  if (holdings.messagesToday > plan.dailyMessages) throw new QuotaExceeded('Over message quota');
  if (holdings.tokensToday > plan.dailyTokens) throw new QuotaExceeded('Over token quota');
}
