import { z } from 'zod';
import { jsonObject, text, uuid } from '../../../kernel/rules.js';
import { MAX_CONTENT_BYTES, MAX_MESSAGE_TYPE_LENGTH, textOf } from '../messages/message.js';
import { MAX_QUESTION_LENGTH } from './reply.js';

export const chatRules = z.object({
  input: z.object({ message: text(MAX_QUESTION_LENGTH, 1), conversationId: uuid().nullish() }),
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
    })
    .superRefine((input, context) => {
      if (input.invokeLlm !== true || input.messageType !== 'user') return;
      const question = textOf(input) ?? '';
      const message =
        question.trim() === ''
          ? 'is required to ask the model'
          : question.length > MAX_QUESTION_LENGTH
            ? `must be at most ${MAX_QUESTION_LENGTH} characters to ask the model`
            : undefined;
      if (message !== undefined) context.addIssue({ code: 'custom', path: ['content', 'text'], message });
    }),
});

/** Maximum event number to resume after: the number of the next event must also fit into an `Int`. */
const MAX_AFTER = 2 ** 31 - 2;

export const stopRules = z.object({ messageId: uuid() });

export const followRules = z.object({
  messageId: uuid(),
  after: z.int().min(0, 'must be 0 or more').max(MAX_AFTER, `must be at most ${MAX_AFTER}`),
});
