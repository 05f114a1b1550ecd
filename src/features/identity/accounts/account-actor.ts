import type { Client } from '../../../kernel/caller.js';

/** Who acts on accounts: a viewer, or {@link operator}. */
export interface AccountActor {
  readonly userId: string | null;
  readonly isAdmin: boolean;
  readonly sessionId: string | null;
  readonly client: Client | null;
}

/** Someone at the machine, by the command line: an admin who is no user. */
export const operator: AccountActor = { userId: null, isAdmin: true, sessionId: null, client: null };
