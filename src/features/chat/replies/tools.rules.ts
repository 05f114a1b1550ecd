import { z } from 'zod';
import { jsonObject, text, uuid } from '../../../kernel/rules.js';
import { MAX_IMAGES } from './images.js';
import {
  MAX_CALLS,
  MAX_RESULT_LENGTH,
  MAX_TOOL_DESCRIPTION_LENGTH,
  MAX_TOOLS,
  MAX_TOOLS_BYTES,
  RESERVED_TOOL_NAME,
  TOOL_NAME,
} from './tools.js';

const toolName = z
  .string()
  .regex(TOOL_NAME, 'must have from 1 to 64 letters, digits, dashes or underscores')
  .refine((name) => !name.includes(RESERVED_TOOL_NAME), `must not contain ${RESERVED_TOOL_NAME}`);

const tools = z
  .array(
    z.object({
      name: toolName,
      description: text(MAX_TOOL_DESCRIPTION_LENGTH).nullish(),
      parameters: jsonObject(MAX_TOOLS_BYTES).nullish(),
    }),
  )
  .max(MAX_TOOLS, `must be at most ${MAX_TOOLS}`)
  .refine((list) => new Set(list.map(({ name }) => name)).size === list.length, 'must have different names')
  .refine(
    (list) => Buffer.byteLength(JSON.stringify(list)) <= MAX_TOOLS_BYTES,
    `must be at most ${MAX_TOOLS_BYTES} bytes as JSON`,
  );

const responseFormat = z
  .object({
    type: z.enum(['text', 'json_object', 'json_schema'], 'must be text, json_object or json_schema'),
    name: z.string().regex(TOOL_NAME, 'must have from 1 to 64 letters, digits, dashes or underscores').nullish(),
    schema: jsonObject(MAX_TOOLS_BYTES).nullish(),
    strict: z.boolean().nullish(),
  })
  .superRefine(({ type, schema }, context) => {
    if (type === 'json_schema' && schema == null)
      context.addIssue({ code: 'custom', path: ['schema'], message: 'is required for json_schema' });
  });

const images = z
  .array(uuid())
  .max(MAX_IMAGES, `must be at most ${MAX_IMAGES}`)
  .refine((ids) => new Set(ids).size === ids.length, 'must be different files');

/** For every input that asks the model a question. */
export const askedForRules = {
  images: images.nullish(),
  tools: tools.nullish(),
  responseFormat: responseFormat.nullish(),
};

export const submitToolResultsRules = z.object({
  messageId: uuid(),
  results: z
    .array(
      z
        .object({
          callId: text(64, 1),
          output: text(MAX_RESULT_LENGTH).nullish(),
          error: text(MAX_RESULT_LENGTH, 1).nullish(),
        })
        .superRefine(({ output, error }, context) => {
          if ((output == null) === (error == null))
            context.addIssue({ code: 'custom', message: 'must have either output or error' });
        }),
    )
    .min(1, 'must not be empty')
    .max(MAX_CALLS, `must be at most ${MAX_CALLS}`),
});
