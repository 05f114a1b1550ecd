import type { ModelPrice } from './price.js';

/** A model that can be asked, as users see it. Models are configuration (`MODELS`). */
export interface Model {
  /** The name by which users ask for it. */
  readonly name: string;
  /** The context window in tokens, for prompt and answer together. */
  readonly contextTokens: number;
  /** Maximum tokens of an answer. */
  readonly maxReplyTokens: number;
  /** What it takes beside text. */
  readonly takesImages: boolean;
  readonly takesTools: boolean;
  /** Null where the operator gave none: then answers have no cost. */
  readonly price: ModelPrice | null;
  /** The names of the plans that may use it; null for all. */
  readonly plans: readonly string[] | null;
  /** The name of the model that answers while this one's provider fails. */
  readonly fallback: string | null;
}

/** What a conversation asks the model for. Null is the default. */
export interface ModelSettings {
  /** The name of a model. */
  readonly model: string | null;
  /** Added to the system prompt. */
  readonly instructions: string | null;
  readonly temperature: number | null;
  /** Maximum tokens of an answer; the model's own maximum holds, too. */
  readonly maxTokens: number | null;
}

/** The choice of a model for one question: every operation that asks the model has these fields in its input. */
export interface ModelChoice {
  /** The name of a model, in place of the conversation's. */
  readonly model?: string | null | undefined;
}

export const MAX_MODEL_NAME_LENGTH = 64;
/** About 2,000 tokens of English, which each question pays for. */
export const MAX_INSTRUCTIONS_LENGTH = 8_000;
export const MAX_TEMPERATURE = 2;
/** The most tokens of an answer that any setting allows; the model's own maximum is lower. */
export const MAX_REPLY_TOKENS = 1_000_000;
