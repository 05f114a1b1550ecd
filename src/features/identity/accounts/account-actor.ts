import type { Client } from '../../../kernel/caller.js';

/** Whoever acts on accounts: a viewer, or {@link operator}. */
export interface AccountActor {
  readonly userId: string | null;
  readonly isAdmin: boolean;
  readonly sessionId: string | null;
  readonly client: Client | null;
}

/** A person at the command line: has an admin's rights without being a user. */
export const operator: AccountActor = { userId: null, isAdmin: true, sessionId: null, client: null };
