/** How long a mail that was given up is kept, so that an admin can see it: it holds an address. */
export const KEPT_DAYS = 14;

/** A mail that was given up after its last try. */
export interface DeadMailRow {
  readonly id: string;
  /** The queue of its job. */
  readonly queue: string;
  readonly kind: string;
  /** Null where the mail was given up before its recipient was looked up. */
  readonly email: string | null;
  readonly reason: string;
  readonly tries: number;
  readonly requestedAt: Date;
  readonly failedAt: Date;
}

/** How many mails one call has sent again at most. */
export const MAX_RETRIES = 100;

/** What became of a queue's mails that were to be sent again. */
export interface RetriedMail {
  /** How many are tried again. */
  readonly retried: number;
  /** How many of the queue are left. */
  readonly left: number;
}
