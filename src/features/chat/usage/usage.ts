import type { Spent } from '../models/generation.js';

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

export type UsageKind = 'CHAT' | 'REPLY' | 'MESSAGE' | 'UPLOAD' | 'TITLE' | 'CORRECTION';
export type UsageSource = 'REPORTED' | 'ESTIMATED';

export interface UsageEntryRow {
  readonly id: string;
  readonly userId: string;
  readonly kind: UsageKind;
  readonly reservedTokens: number;
  readonly promptTokens: number;
  readonly tokens: number | null;
  readonly source: UsageSource | null;
  /** The name of the model that answered, or is asked; null where none was. */
  readonly model: string | null;
  readonly cachedTokens: number | null;
  readonly completionTokens: number | null;
  readonly reasoningTokens: number | null;
  /** In whole units of the currency, as a decimal. */
  readonly cost: string | null;
  readonly messageId: string | null;
  /** The messages of the day that a correction added or, negative, gave back; null in all other entries. */
  readonly messages: number | null;
  readonly createdAt: Date;
  readonly settledAt: Date | null;
}

/** What is added to a user's counts of today; negative figures give back. */
export interface Correction {
  readonly messages: number;
  readonly tokens: number;
}

/** What a message costs that the model is not asked about: the ids of what counts it, and the limits of its author's plan. */
export interface MessageCharge {
  readonly dayId: string;
  readonly entryId: string;
  readonly dailyMessages: number;
  readonly dailyTokens: number;
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
  /** Which model was used, and what that cost. */
  readonly spent: Spent;
  /** False gives the message back too: nothing was stored and nothing was answered. */
  readonly countsAsMessage: boolean;
}

/** Maximum days that one read of daily usage covers. */
export const MAX_USAGE_DAYS = 366;

/** A lease that its instance still holds. */
export interface RenewedLease {
  readonly entryId: string;
  /** The user was suspended, deactivated or deleted meanwhile. */
  readonly ownerIsBarred: boolean;
}

/** A lease that has run out. */
export interface ExpiredLease {
  readonly entryId: string;
  readonly messageId: string | null;
  /** The id of the request that asked; null where no request did, or an earlier release reserved the usage. */
  readonly requestId: string | null;
  /** When it ran out: another value after each renewal. */
  readonly lease: string;
}

/** A reservation whose lease expired before it was settled, since its instance is gone. */
export interface ExpiredReservation extends Reservation {
  readonly promptTokens: number;
  readonly messageId: string | null;
  /** The name of the model that was asked; null in those of an earlier release. */
  readonly model: string | null;
}

export interface DateRange {
  /** The first day, in UTC; by default the start of the longest range. */
  readonly since?: Date | null | undefined;
  /** The last day, in UTC; by default today. */
  readonly until?: Date | null | undefined;
}

/** By what usage is added up. */
export type SummaryGroup = 'DAY' | 'MODEL' | 'KIND';

export interface UsageSummaryRow {
  /** The day (YYYY-MM-DD), the name of the model, or the kind; null for usage without a model. */
  readonly group: string | null;
  /** Lines of the ledger. */
  readonly count: number;
  readonly tokens: number;
  readonly completionTokens: number;
  /** In whole units of the currency, as a decimal; null where nothing had a price. */
  readonly cost: string | null;
}
