import { sumOfCosts } from './price.js';

/** Why the model wrote no further. */
export type FinishReason =
  | 'STOP'
  | 'LENGTH'
  | 'CONTENT_FILTER'
  | 'TOOL_CALLS'
  /** The provider gave a reason that is none of the above. */
  | 'OTHER'
  | 'STOPPED'
  | 'FAILED'
  | 'INTERRUPTED';

/** What an answer took. All of it but the models' names is null while it is being written. */
export interface Spent {
  /** The name of the model that writes; null where it is not known, since an earlier release asked it. */
  readonly model: string | null;
  readonly promptTokens: number | null;
  /** How many of `promptTokens`; null also where the provider did not say. */
  readonly cachedTokens: number | null;
  readonly completionTokens: number | null;
  /** How many of `completionTokens`; null also where the provider did not say. */
  readonly reasoningTokens: number | null;
  /** In whole units of the currency, as a decimal; null also where the model has no price. */
  readonly cost: string | null;
}

/** How an answer came to be: stored with the reply. */
export interface Generation extends Spent {
  readonly model: string;
  /** The name of the model that was asked for: another one than `model` where a fallback writes. */
  readonly requestedModel: string;
  /** Milliseconds from the question to the first text; null also where none came. */
  readonly firstTextMs: number | null;
  readonly finishReason: FinishReason | null;
}

export function begunGeneration(model: string, requestedModel: string): Generation {
  return {
    model,
    requestedModel,
    promptTokens: null,
    cachedTokens: null,
    completionTokens: null,
    reasoningTokens: null,
    cost: null,
    firstTextMs: null,
    finishReason: null,
  };
}

/** A reply of several rounds took what they took together, and is told of by its last one. */
export function sumOf(before: Generation | null, last: Generation): Generation {
  if (before === null) return last;
  return {
    ...last,
    promptTokens: added(before.promptTokens, last.promptTokens),
    cachedTokens: added(before.cachedTokens, last.cachedTokens),
    completionTokens: added(before.completionTokens, last.completionTokens),
    reasoningTokens: added(before.reasoningTokens, last.reasoningTokens),
    cost: before.cost === null ? last.cost : last.cost === null ? before.cost : sumOfCosts(before.cost, last.cost),
    firstTextMs: before.firstTextMs ?? last.firstTextMs,
  };
}

function added(one: number | null, other: number | null): number | null {
  return one === null ? other : one + (other ?? 0);
}
