import { z } from 'zod';
import type { ToolCallPiece } from './tool-call-reader.js';

/** What is read of a chunk of a streamed answer, or of a whole answer, in any dialect of the chat completions API. */
export interface AnswerChunk {
  /** Text to be shown; empty where the chunk has none. */
  readonly text: string;
  /** What the model thinks before it answers; empty where the chunk has none of that. */
  readonly reasoning: string;
  readonly toolCalls: readonly ToolCallPiece[];
  /** Null while the answer goes on. */
  readonly finishReason: string | null;
  /** The provider's count of prompt and answer, and of the prompt alone, as it was sent; null where there is none. */
  readonly totalTokens: number | null;
  readonly promptTokens: number | null;
  /** Tokens of the prompt that the provider had cached, and tokens of the answer that are reasoning. Null where it did not say. */
  readonly cachedTokens: number | null;
  readonly reasoningTokens: number | null;
  /** The model that answers, in the provider's words; null where it did not say, and in chunks of plain text. */
  readonly model: string | null;
  /** What the provider says went wrong, in place of an answer. */
  readonly error: unknown;
}

const nothing = z.unknown().transform(() => '');

/** Parts of a content that is a list: text of any spelling is text; `thinking`, images and what is not known are not. */
const part = z.union([
  z.string(),
  z.object({ type: z.enum(['text', 'output_text']).optional(), text: z.string() }).transform(({ text }) => text),
  z.object({ type: z.literal('text'), text: z.object({ value: z.string() }) }).transform(({ text }) => text.value),
  z.object({ type: z.literal('refusal'), refusal: z.string() }).transform(({ refusal }) => refusal),
  nothing,
]);

const words = z.union([z.array(part).transform((parts) => parts.join('')), part]);

/** The reasoning in a content that is a list of parts, which `words` leaves out. */
const thoughts = z
  .array(
    z.union([
      z.object({ type: z.literal('thinking'), thinking: words }).transform(({ thinking }) => thinking),
      nothing,
    ]),
  )
  .transform((parts) => parts.join(''));

const content = z.unknown().transform((value) => ({
  words: words.parse(value),
  thoughts: Array.isArray(value) ? thoughts.parse(value) : '',
}));

const NO_CONTENT = { words: '', thoughts: '' };
const silent: { text: string; reasoning: string; toolCalls: ToolCallPiece[] } = {
  text: '',
  reasoning: '',
  toolCalls: [],
};

/** The first that is not empty. */
const firstOf = (...texts: readonly (string | undefined)[]) =>
  texts.find((text) => text !== undefined && text !== '') ?? '';

const word = z.string().catch('');

/** Arguments are JSON as a text; some servers send the object itself. */
const argumentsText = z.union([
  z.string(),
  z.record(z.string(), z.unknown()).transform((object) => JSON.stringify(object)),
  nothing,
]);

const toolCall = z
  .object({
    index: z.int().nullable().catch(null),
    id: word,
    function: z.object({ name: word, arguments: argumentsText }).partial().catch({}),
  })
  .transform(({ index, id, function: { name = '', arguments: json = '' } }) => ({ index, id, name, arguments: json }));

/** Reasoning is no part of the answer's text. Some servers send it under two names at once. */
const said = z
  .object({
    content,
    refusal: words,
    reasoning_content: words,
    reasoning: words,
    thinking: words,
    tool_calls: z.array(toolCall.nullable().catch(null)).catch([]),
  })
  .partial()
  .transform(({ content: { words: text, thoughts: inList } = NO_CONTENT, refusal, ...told }) => ({
    text: firstOf(text, refusal),
    reasoning: firstOf(told.reasoning_content, told.reasoning, told.thinking, inList),
    toolCalls: (told.tool_calls ?? []).filter((call): call is ToolCallPiece => call !== null),
  }))
  .catch(silent);

/** Some servers send an empty text, or the text "null", with every chunk. */
const finishReason = z
  .string()
  .transform((reason) => (reason === '' || reason === 'null' ? null : reason))
  .nullable()
  .catch(null);

const choice = z.object({
  /** Only the first answer is asked for; some servers leave its number out. */
  index: z.number().catch(0),
  delta: said,
  /** Sent in an answer that is not streamed. */
  message: said,
  /** Sent by servers that answer as the older completions API does. */
  text: z.string().catch(''),
  finish_reason: finishReason,
});

const figure = z
  .union([
    z.number(),
    z
      .string()
      .regex(/^\d+(\.\d+)?$/)
      .transform(Number),
  ])
  .nullable()
  .catch(null);

/** A figure within an object of details. */
const detail = (name: string) =>
  z
    .object({ [name]: figure })
    .transform((details) => details[name] ?? null)
    .catch(null);

const usage = z
  .object({
    total_tokens: figure,
    prompt_tokens: figure,
    completion_tokens: figure,
    prompt_tokens_details: detail('cached_tokens'),
    completion_tokens_details: detail('reasoning_tokens'),
  })
  .transform(({ total_tokens: total, prompt_tokens: prompt, completion_tokens: completion, ...details }) => ({
    total: total === null && prompt !== null && completion !== null ? prompt + completion : total,
    prompt,
    cached: details.prompt_tokens_details,
    reasoning: details.completion_tokens_details,
  }))
  .catch({ total: null, prompt: null, cached: null, reasoning: null });

/** An answer, or a chunk of one. What is not understood is ignored. */
const chunk = z.object({
  choices: z.array(choice.nullable().catch(null)).catch([]),
  usage,
  model: z.string().max(200).nullable().catch(null),
  error: z.unknown().optional(),
  /** Sent with errors that are not wrapped in `error`. */
  object: z.unknown().optional(),
  type: z.unknown().optional(),
});

/** The fields that a chunk of plain text has in the API's own dialect, whose values make no difference. */
const PLAIN_CHUNK = new Set(['id', 'created', 'model', 'choices', 'service_tier', 'system_fingerprint', 'obfuscation']);
const PLAIN_CHOICE = new Set(['index', 'delta', 'finish_reason', 'logprobs']);
const PLAIN_DELTA = new Set(['content', 'role']);

/** The text of a chunk that has nothing but text; undefined for any other. Nearly all of an answer's are such. */
function plainText(json: unknown): string | undefined {
  if (typeof json !== 'object' || json === null) return undefined;
  for (const key in json) if (!PLAIN_CHUNK.has(key) && !isPlain(key, json)) return undefined;
  const { choices } = json as { readonly choices?: unknown };
  if (!Array.isArray(choices) || choices.length !== 1) return undefined;
  const choice: unknown = choices[0];
  if (typeof choice !== 'object' || choice === null) return undefined;
  for (const key in choice) if (!PLAIN_CHOICE.has(key)) return undefined;
  const { index, delta, finish_reason: reason } = choice as Readonly<Record<string, unknown>>;
  if (index !== 0 || reason !== null || typeof delta !== 'object' || delta === null) return undefined;
  for (const key in delta) if (!PLAIN_DELTA.has(key)) return undefined;
  const { content: text } = delta as { readonly content?: unknown };
  return typeof text === 'string' ? text : undefined;
}

function isPlain(key: string, json: object): boolean {
  const value = (json as Readonly<Record<string, unknown>>)[key];
  return (key === 'object' && value === 'chat.completion.chunk') || (key === 'usage' && value === null);
}

const NOTHING_MORE = {
  reasoning: '',
  toolCalls: [],
  finishReason: null,
  totalTokens: null,
  promptTokens: null,
  cachedTokens: null,
  reasoningTokens: null,
  model: null,
  error: null,
} as const;

/** @returns null for what is no object */
export function readChunk(json: unknown): AnswerChunk | null {
  const text = plainText(json);
  if (text !== undefined) return { text, ...NOTHING_MORE };
  // Some gateways wrap an error in a list.
  const object: unknown = Array.isArray(json) ? json[0] : json;
  const parsed = chunk.safeParse(object);
  if (!parsed.success) return null;
  const { choices, usage: counted, model, error, object: kind, type } = parsed.data;
  const first = choices.find((candidate) => candidate?.index === 0);
  return {
    ...saidIn(first),
    finishReason: first?.finish_reason ?? null,
    totalTokens: counted.total,
    promptTokens: counted.prompt,
    cachedTokens: counted.cached,
    reasoningTokens: counted.reasoning,
    model,
    error: error ?? (kind === 'error' || type === 'error' ? object : null),
  };
}

function saidIn(
  first: z.infer<typeof choice> | null | undefined,
): Pick<AnswerChunk, 'text' | 'reasoning' | 'toolCalls'> {
  if (first == null) return silent;
  const { delta, message, text } = first;
  return {
    text: firstOf(delta.text, message.text, text),
    reasoning: firstOf(delta.reasoning, message.reasoning),
    toolCalls: [...delta.toolCalls, ...message.toolCalls],
  };
}
