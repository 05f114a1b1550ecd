/** How much of a limit is used. */
export interface LimitState {
  readonly used: number;
  readonly limit: number;
  /** What is left; never less than nothing. */
  readonly remaining: number;
  /** When `used` is nothing again; null where no time lifts the limit. */
  readonly resetsAt: Date | null;
}

/** The limits of a user's plan, and how much of them is used. */
export interface UserLimitsRow {
  readonly messages: LimitState;
  readonly tokens: LimitState;
  readonly conversations: LimitState;
  readonly uploads: LimitState;
}

export function limitState(used: number, limit: number, resetsAt: Date | null): LimitState {
  return { used, limit, remaining: Math.max(0, limit - used), resetsAt };
}
