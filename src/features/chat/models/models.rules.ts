import { z } from 'zod';
import { text } from '../../../kernel/rules.js';
import { MAX_INSTRUCTIONS_LENGTH, MAX_MODEL_NAME_LENGTH, MAX_REPLY_TOKENS, MAX_TEMPERATURE } from './model.js';

/** The rules of {@link ModelChoice}, for the rules of every input that has it. */
export const choiceRules = { model: text(MAX_MODEL_NAME_LENGTH, 1).nullish() };

const temperature = `must be a number from 0 to ${MAX_TEMPERATURE}`;
const maxTokens = `must be a whole number from 1 to ${MAX_REPLY_TOKENS}`;

/** The rules of {@link ModelSettings}, for the inputs of what has them. */
export const settingsRules = {
  ...choiceRules,
  instructions: text(MAX_INSTRUCTIONS_LENGTH).nullish(),
  temperature: z.number(temperature).min(0, temperature).max(MAX_TEMPERATURE, temperature).nullish(),
  maxTokens: z.int(maxTokens).min(1, maxTokens).max(MAX_REPLY_TOKENS, maxTokens).nullish(),
};
