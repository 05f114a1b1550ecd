import { z } from 'zod';
import { MAX_REASON_LENGTH, text, uuid } from '../../../kernel/rules.js';

export const stopRules = z.object({ messageId: uuid(), reason: text(MAX_REASON_LENGTH).nullish() });
