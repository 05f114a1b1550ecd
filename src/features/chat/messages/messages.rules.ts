import { z } from 'zod';
import { idRules, jsonObject, notNull, text, uuid } from '../../../kernel/rules.js';
import { after } from '../feeds/event-feed.rules.js';
import { MAX_SEARCH_LENGTH } from '../conversations/conversation.js';
import { MAX_CONTENT_BYTES, MAX_MESSAGE_TYPE_LENGTH } from './message.js';

export const updateRules = idRules.extend({
  input: z.object({
    content: notNull(jsonObject(MAX_CONTENT_BYTES)),
    messageType: notNull(text(MAX_MESSAGE_TYPE_LENGTH, 1)),
    extra: jsonObject(MAX_CONTENT_BYTES).nullish(),
  }),
});

export const searchRules = z.looseObject({
  query: z
    .string()
    .min(1, 'must not be empty')
    .max(MAX_SEARCH_LENGTH, `must be at most ${MAX_SEARCH_LENGTH} characters`),
});

export const ofMessageRules = z.object({ messageId: uuid() });

export const followRules = z.object({ conversationId: uuid(), after });

export const conversationRules = z.looseObject({ conversationId: uuid() });
