import { z } from 'zod';

/** What a plan allows. Plans are configuration (`PLANS`), not rows. */
export interface Plan {
  /** The plan's name, as `free`. */
  readonly id: string;
  /** In the currency's major unit. */
  readonly price: number;
  /** Messages a UTC day: sent messages and chats. */
  readonly dailyMessages: number;
  /** Tokens a UTC day, of prompts and answers together. */
  readonly dailyTokens: number;
  readonly maxConversations: number;
  readonly maxFileUploads: number;
}

const count = z.int().min(0).max(2_147_483_647);

/** The `PLANS` setting: plan name -> limits, in the names of the REST contract's Plan. The first plan is a new user's. */
export const plansSchema = z
  .record(
    z.string().regex(/^[a-z][a-z0-9_-]{0,31}$/, 'a plan name is lower-case letters, digits, - and _'),
    z.strictObject({
      price: count,
      daily_messages: count,
      daily_tokens: count,
      max_conversations: count,
      max_file_uploads: count,
    }),
    'must be an object of plans by name, as {"free":{"price":0,…}}',
  )
  .refine((plans) => Object.keys(plans).length > 0, 'needs one plan at least')
  .transform((plans) =>
    Object.entries(plans).map(([id, plan]): Plan => ({
      id,
      price: plan.price,
      dailyMessages: plan.daily_messages,
      dailyTokens: plan.daily_tokens,
      maxConversations: plan.max_conversations,
      maxFileUploads: plan.max_file_uploads,
    })),
  );

/** The figures of the REST contract. */
export const defaultPlans: readonly Plan[] = [
  { id: 'free', price: 0, dailyMessages: 20, dailyTokens: 5_000, maxConversations: 3, maxFileUploads: 0 },
  { id: 'pro', price: 10, dailyMessages: 1_000, dailyTokens: 100_000, maxConversations: 100, maxFileUploads: 100 },
];

/** The configured plans, by name. A user's plan that is configured no longer counts as the first, smallest one. */
export class PlanCatalogue {
  readonly #plans: ReadonlyMap<string, Plan>;
  readonly #first: Plan;

  /** @param plans one at least; the first is a new user's */
  constructor(readonly all: readonly Plan[]) {
    const [first] = all;
    if (first === undefined) throw new RangeError('a catalogue needs one plan at least');
    this.#first = first;
    this.#plans = new Map(all.map((plan) => [plan.id, plan]));
  }

  get defaultPlan(): string {
    return this.#first.id;
  }

  isPlan(name: string): boolean {
    return this.#plans.has(name);
  }

  find(name: string): Plan | undefined {
    return this.#plans.get(name);
  }

  /** The limits that hold for a user whose row names this plan. */
  of(name: string): Plan {
    return this.#plans.get(name) ?? this.#first;
  }
}
