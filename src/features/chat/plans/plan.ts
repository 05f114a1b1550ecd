import { z } from 'zod';

/** The limits of a plan. Plans come from configuration (`PLANS`), not from the database. */
export interface Plan {
  /** The plan's name, such as `free`. */
  readonly id: string;
  /** In the currency's major unit (dollars, not cents). */
  readonly price: number;
  /** Maximum messages per UTC day: sent messages and chats. */
  readonly dailyMessages: number;
  /** Maximum tokens per UTC day: prompts and answers together. */
  readonly dailyTokens: number;
  readonly maxConversations: number;
  readonly maxFileUploads: number;
}

const count = z.int().min(0).max(2_147_483_647);

/** Schema of the setting `PLANS`: plan name -> limits, named as in the REST contract. New users get the first plan. */
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

/** The default plans, from the REST contract. */
export const defaultPlans: readonly Plan[] = [
  { id: 'free', price: 0, dailyMessages: 20, dailyTokens: 5_000, maxConversations: 3, maxFileUploads: 0 },
  { id: 'pro', price: 10, dailyMessages: 1_000, dailyTokens: 100_000, maxConversations: 100, maxFileUploads: 100 },
];

/** The configured plans, by name. A user whose plan is no longer configured has the first, smallest one. */
export class PlanCatalogue {
  readonly #plans: ReadonlyMap<string, Plan>;
  readonly #first: Plan;

  /** @param all at least one plan; new users get the first */
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

  /** The plan that applies to a user whose row has this plan name. */
  of(name: string): Plan {
    return this.#plans.get(name) ?? this.#first;
  }
}
