import { z } from 'zod';
import { idRules, jsonObject, text, uuid } from '../../../kernel/rules.js';
import { choiceRules } from '../models/models.rules.js';
import { askedForRules } from './tools.rules.js';
import { MAX_CONTENT_BYTES, MAX_MESSAGE_TYPE_LENGTH, textOf, type MessageContent } from '../messages/message.js';
import { faultOfQuestion, MAX_AFTER, MAX_QUESTION_LENGTH } from './reply.js';

export const chatRules = z.object({
  input: z.object({
    message: text(MAX_QUESTION_LENGTH, 1),
    conversationId: uuid().nullish(),
    keepUnanswered: z.boolean().nullish(),
    ...choiceRules,
    ...askedForRules,
    expectedLeafId: uuid().nullish(),
  }),
});

export const createMessageRules = z.object({
  input: z
    .object({
      conversationId: uuid(),
      content: jsonObject(MAX_CONTENT_BYTES),
      messageType: text(MAX_MESSAGE_TYPE_LENGTH, 1),
      extra: jsonObject(MAX_CONTENT_BYTES).nullish(),
      invokeLlm: z.boolean().nullish(),
      waitForReply: z.boolean().nullish(),
      ...choiceRules,
      ...askedForRules,
      expectedLeafId: uuid().nullish(),
    })
    .superRefine((input, context) => {
      if (input.invokeLlm === true && input.messageType === 'user') checkQuestion(input, context);
    }),
});

export const editMessageRules = idRules.extend({
  input: z
    .object({
      content: jsonObject(MAX_CONTENT_BYTES),
      extra: jsonObject(MAX_CONTENT_BYTES).nullish(),
      invokeLlm: z.boolean().nullish(),
      waitForReply: z.boolean().nullish(),
      expectedLeafId: uuid().nullish(),
      ...choiceRules,
      ...askedForRules,
    })
    .superRefine((input, context) => {
      if (input.invokeLlm === true) checkQuestion(input, context);
    }),
});

export const regenerateRules = z.object({
  messageId: uuid(),
  waitForReply: z.boolean().nullish(),
  expectedLeafId: uuid().nullish(),
  ...choiceRules,
});

function checkQuestion(input: { readonly content: MessageContent }, context: z.core.$RefinementCtx): void {
  const message = faultOfQuestion(input.content);
  if (message === undefined) return;
  context.addIssue({ code: 'custom', path: textOf(input) === null ? ['content'] : ['content', 'text'], message });
}

export const stopRules = z.object({ messageId: uuid() });

export const followRules = z.object({
  messageId: uuid(),
  after: z.int().min(0, 'must be 0 or more').max(MAX_AFTER, `must be at most ${MAX_AFTER}`),
});
