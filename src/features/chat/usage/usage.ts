/** A user's usage on one UTC day. Reservations that are not settled yet count in full. */
export interface DailyUsageRow {
  readonly id: string;
  readonly userId: string;
  /** YYYY-MM-DD. */
  readonly date: string;
  readonly messageCount: number;
  readonly tokenCount: number;
  readonly fileUploads: number;
}

export type UsageKind = 'CHAT' | 'REPLY' | 'MESSAGE' | 'UPLOAD';
export type UsageSource = 'REPORTED' | 'ESTIMATED';

export interface UsageEntryRow {
  readonly id: string;
  readonly userId: string;
  readonly kind: UsageKind;
  readonly reservedTokens: number;
  readonly promptTokens: number;
  readonly tokens: number | null;
  readonly source: UsageSource | null;
  readonly messageId: string | null;
  readonly createdAt: Date;
  readonly settledAt: Date | null;
}

/** Usage that is reserved before the work and settled after it. */
export interface Reservation {
  readonly entryId: string;
  readonly userId: string;
  /** The UTC day that it counts towards, YYYY-MM-DD, even if it is settled on the next day. */
  readonly date: string;
  /** Reserved tokens: between the `min` and `max` of the request. */
  readonly tokens: number;
}

/** The actual usage of reserved work. */
export interface Settlement {
  readonly tokens: number;
  readonly source: UsageSource;
  /** False gives the message back too: nothing was stored and nothing was answered. */
  readonly countsAsMessage: boolean;
}

/** Maximum days that one read of daily usage covers. */
export const MAX_USAGE_DAYS = 366;

/** A reservation whose lease expired before it was settled, since its instance is gone. */
export interface ExpiredReservation extends Reservation {
  readonly promptTokens: number;
  readonly messageId: string | null;
}

export interface DateRange {
  /** The first day, in UTC; by default the start of the longest range. */
  readonly since?: Date | null | undefined;
  /** The last day, in UTC; by default today. */
  readonly until?: Date | null | undefined;
}
