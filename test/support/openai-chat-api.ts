import { readFileSync } from 'node:fs';
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';

interface Description {
  readonly components: { readonly schemas: Readonly<Record<string, unknown>> };
}

/** OpenAI's own description of its chat completions; the file says where it is from and under which licence. */
const description = JSON.parse(
  readFileSync(new URL('openai-chat-api.json', import.meta.url), 'utf8'),
  inJsonSchema,
) as Description;

const ajv = new Ajv2020({ allErrors: true, strict: false });
addFormats.default(ajv);
ajv.addFormat('unixtime', { type: 'number', validate: Number.isSafeInteger });
ajv.addSchema({ $id: 'openai', ...description });

/** OpenAI refuses what it does not know; its description leaves that open. */
const request = ajv.compile({
  $ref: 'openai#/components/schemas/CreateChatCompletionRequest',
  unevaluatedProperties: false,
});
const chunk = ajv.compile({ $ref: 'openai#/components/schemas/CreateChatCompletionStreamResponse' });

/** @returns how a request departs from the description; null when it does not */
export function faultInRequest(body: unknown): string | null {
  return faultIn(request, body) ?? faultInOrder(body);
}

/** @returns how a chunk of a streamed answer departs from the description; null when it does not */
export function faultInChunk(json: unknown): string | null {
  return faultIn(chunk, json);
}

function faultIn(validate: ValidateFunction, json: unknown): string | null {
  return validate(json) ? null : ajv.errorsText(validate.errors, { dataVar: 'it' });
}

interface AnyMessage {
  readonly role: string;
  readonly tool_calls?: readonly { readonly id: string }[];
  readonly tool_call_id?: string;
}

/** What the description only says in words: each call of a tool is followed by its result, and no result stands alone. */
function faultInOrder(body: unknown): string | null {
  let open: readonly string[] = [];
  for (const { role, tool_calls: calls, tool_call_id: id } of (body as { messages: readonly AnyMessage[] }).messages) {
    if (role === 'tool') {
      if (id === undefined || !open.includes(id)) return `the result of ${String(id)} follows on no call`;
      open = open.filter((one) => one !== id);
    } else if (open.length > 0) return `the calls ${open.join(', ')} have no result`;
    else open = (calls ?? []).map((call) => call.id);
  }
  return open.length > 0 ? `the calls ${open.join(', ')} have no result` : null;
}

/** `nullable` is of earlier versions of OpenAPI, and means nothing in JSON Schema. */
function inJsonSchema(_key: string, value: unknown): unknown {
  if (typeof value !== 'object' || value === null || !('nullable' in value) || value.nullable !== true) return value;
  const { nullable: _, ...schema } = value;
  return { anyOf: [schema, { type: 'null' }] };
}
