/** Lifetime of a link that undoes a change of a password or an e-mail address. */
export const UNDO_DAYS = 7;
/** Maximum mails with such a link per user within {@link COUNTED_HOURS}, unless the user has no other link. */
export const MAX_UNDO_MAILS = 10;
/** Maximum other notices per address within {@link COUNTED_HOURS}. */
export const MAX_NOTICES = 50;
export const COUNTED_HOURS = 24;
/**
 * What was added to an account this long before a change goes with it: instances set times by their own clocks, and what a
 * thief adds right after a change must not seem older than the change.
 */
export const CLOCK_SKEW_MINUTES = 1;
/** Lifetime of the code that confirms a new address. */
export const CONFIRM_MINUTES = 15;
/** Maximum attempts with such codes per user within {@link CONFIRM_MINUTES}, however many codes are sent meanwhile. */
export const MAX_TRIES = 5;

/** A change that its user may undo: the account's address before it. */
export interface AccountChangeRow {
  /** Ascends with each change of a user. */
  readonly id: bigint;
  readonly userId: string;
  readonly email: string;
  readonly isVerified: boolean;
  readonly verifiedAt: Date | null;
  readonly mailboxProvenAt: Date | null;
  readonly createdAt: Date;
  readonly expiresAt: Date;
}

/** Who changed the account, as a job of a mail stores it. */
export interface MailedClient {
  readonly userAgent: string | null;
  readonly ipAddress: string | null;
}
