import { z } from 'zod';
import { MAX_REASON_LENGTH, text, uuid } from '../../../kernel/rules.js';
import { MAX_CORRECTED } from './usage-correction.js';

const figure = (max: number) =>
  z.number().int().min(-max, `must be at least ${-max}`).max(max, `must be at most ${max}`).nullish();

export const correctionRules = z.object({
  userId: uuid(),
  input: z.looseObject({
    messages: figure(MAX_CORRECTED.messages),
    tokens: figure(MAX_CORRECTED.tokens),
    reason: text(MAX_REASON_LENGTH, 1),
  }),
});
