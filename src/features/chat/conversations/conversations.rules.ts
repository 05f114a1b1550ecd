import { z } from 'zod';
import { idRules, notNull, text, uuid } from '../../../kernel/rules.js';
import { settingsRules } from '../models/models.rules.js';
import {
  MAX_DELETIONS,
  MAX_LABEL_LENGTH,
  MAX_SEARCH_LENGTH,
  MAX_STATUS_LENGTH,
  MAX_TITLE_LENGTH,
} from './conversation.js';

const input = z.object({
  title: text(MAX_TITLE_LENGTH).nullish(),
  status: text(MAX_STATUS_LENGTH).nullish(),
  isPinned: notNull(z.boolean()),
  isArchived: notNull(z.boolean()),
  label: text(MAX_LABEL_LENGTH, 1).nullish(),
  ...settingsRules,
});

export const searchRules = z.looseObject({
  query: text(MAX_SEARCH_LENGTH).nullish(),
  label: text(MAX_LABEL_LENGTH).nullish(),
});
export const markReadRules = z.object({ conversationId: uuid(), upTo: uuid() });
export const createRules = z.object({ input });
export const updateRules = idRules.extend({ input });
export const deleteManyRules = z.object({
  ids: z
    .array(uuid())
    .min(1, 'must name one conversation at least')
    .max(MAX_DELETIONS, `must name at most ${MAX_DELETIONS} conversations`),
});
