import { z } from 'zod';
import { idRules, text, uuid } from '../../../kernel/rules.js';
import { MAX_DELETIONS, MAX_SEARCH_LENGTH, MAX_STATUS_LENGTH, MAX_TITLE_LENGTH } from './conversation.js';

const input = z.object({ title: text(MAX_TITLE_LENGTH).nullish(), status: text(MAX_STATUS_LENGTH).nullish() });

export const searchRules = z.looseObject({ query: text(MAX_SEARCH_LENGTH).nullish() });
export const createRules = z.object({ input });
export const updateRules = idRules.extend({ input });
export const deleteManyRules = z.object({
  ids: z
    .array(uuid())
    .min(1, 'must name one conversation at least')
    .max(MAX_DELETIONS, `must name at most ${MAX_DELETIONS} conversations`),
});
