import type { Viewer } from '../../../kernel/viewer.js';
import { requireAdmin } from '../../identity/accounts/accounts.policy.js';
import type { PartState, PartStates } from './part-states.js';

/** What the service stands on, for admins: what is said of a part may name servers. */
export class AdminHealthService {
  constructor(private readonly states: Pick<PartStates, 'look'>) {}

  /** @throws Forbidden */
  async look(viewer: Pick<Viewer, 'isAdmin'>): Promise<readonly PartState[]> {
    requireAdmin(viewer);
    return this.states.look();
  }
}
