import { z } from 'zod';
import { MAX_REASON_LENGTH, text } from '../../../kernel/rules.js';
import { MAX_MODEL_NAME_LENGTH } from '../../chat/models/model.js';

export const closingRules = z.object({
  model: text(MAX_MODEL_NAME_LENGTH, 1),
  reason: text(MAX_REASON_LENGTH).nullish(),
});
