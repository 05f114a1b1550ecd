import { z } from 'zod';
import { uuid } from '../../../kernel/rules.js';

export const summaryRules = z.object({
  first: z.int().min(1, 'must be at least 1').nullish(),
  afterId: uuid().nullish(),
});
