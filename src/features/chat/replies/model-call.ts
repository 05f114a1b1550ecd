import type { ModelUsage, TokenCounter } from '../../../ports/language-model.js';
import type { Reservation } from '../usage/usage.js';
import type { ModelOrder, ServedModel } from '../models/model-catalogue.js';
import type { TokenCounts } from '../models/price.js';
import { inWords, shortenPrompt, type Prompt } from './prompt.js';

/** One model that is asked a question, with what it may use of the reservation. */
export interface ModelCall {
  readonly model: ServedModel;
  readonly prompt: Prompt;
  /** Maximum tokens of the answer. */
  readonly maxTokens: number;
  /** What the provider charges, at most, for so many tokens of ours of the answer. */
  readonly cost: (tokens: number) => number;
}

/** Maximum tokens of an answer of the model. */
export function longestAnswer(model: Pick<ServedModel, 'maxReplyTokens'>, { maxTokens }: ModelOrder): number {
  return Math.min(model.maxReplyTokens, maxTokens ?? model.maxReplyTokens);
}

export function prepareCall(
  model: ServedModel,
  order: ModelOrder,
  prompt: Prompt,
  reservation: Reservation,
  counter: TokenCounter,
): ModelCall {
  const shown = model.takesImages ? prompt : inWords(prompt, counter);
  const fitting = shortenPrompt(shown, model.contextTokens - model.maxReplyTokens, counter);
  const longest = longestAnswer(model, order);
  const maxTokens = Math.min(longest, Math.max(1, reservation.tokens - model.rates.promptCost(fitting.tokens)));
  // Where the plan has no more left than that, what the provider counts is what matters.
  const cost = (tokens: number) => (maxTokens < longest ? model.rates.answerCost(tokens) : tokens);
  return { model, prompt: fitting, maxTokens, cost };
}

export interface AnswerCounts extends TokenCounts {
  /** How many of `completion` are the model's reasoning; null where the provider did not say. */
  readonly reasoning: number | null;
}

/** The provider's figures as those of prompt and answer, also where it gave only the total of both. */
export function reportedCounts(usage: ModelUsage, answerTokens: number): AnswerCounts {
  const prompt = usage.promptTokens ?? Math.max(0, usage.totalTokens - answerTokens);
  return {
    prompt,
    cached: usage.cachedTokens,
    completion: usage.totalTokens - prompt,
    reasoning: usage.reasoningTokens,
  };
}
