import type { Correction } from '../../chat/usage/usage.js';

/** Maximum figures of one correction, up or down. */
export const MAX_CORRECTED = { messages: 1_000_000, tokens: 1_000_000_000 } as const;

/** What an admin wants changed, and why. */
export interface CorrectionRequest {
  /** None by default, as of `tokens`. */
  readonly messages?: number | null | undefined;
  readonly tokens?: number | null | undefined;
  readonly reason: string;
}

/** A change that an admin made of what a user has used of a day. */
export interface UsageCorrectionRow extends Correction {
  /** That of the entry in the ledger. */
  readonly id: string;
  readonly userId: string;
  /** Null for the command line. */
  readonly adminId: string | null;
  readonly reason: string;
  readonly createdAt: Date;
}
