import { z } from 'zod';
import { text } from '../../../kernel/rules.js';

/** Longer than the name of any queue. */
const MAX_QUEUE_LENGTH = 100;

export const retryAllRules = z.object({ queue: text(MAX_QUEUE_LENGTH, 1) });
