import { expect } from '@jest/globals';
import { z, type ZodType } from 'zod';
import type { RestAnswer } from './actor.js';

/** The shapes of the REST contract: every key is present, null or not, and no other key is. */

const uuid = z.uuid();
/** RFC 3339 in UTC, with `Z`. */
const time = z.iso.datetime();
const object = z.record(z.string(), z.unknown());
const text = z.string();

export const user = z.strictObject({
  user_id: uuid,
  email: text.nullable(),
  phone_number: text.nullable(),
  provider: text,
  provider_id: text.nullable(),
  is_verified: z.boolean(),
  verified_at: time.nullable(),
  profile: object,
  is_active: z.boolean(),
  is_suspended: z.boolean(),
  is_admin: z.boolean(),
  plan: text,
  last_login: time.nullable(),
});

export const conversation = z.strictObject({
  conversation_id: uuid,
  user_id: uuid,
  title: text.nullable(),
  status: text.nullable(),
  model: text.nullable(),
  instructions: text.nullable(),
  temperature: z.number().nullable(),
  is_pinned: z.boolean(),
  is_archived: z.boolean(),
  label: text.nullable(),
  message_count: z.int(),
  unread_count: z.int(),
  max_tokens: z.int().nullable(),
  created_at: time,
  updated_at: time,
});

/** A decimal without rounding. */
const decimal = z.string().regex(/^\d+(\.\d{0,11}[1-9])?$/);

const generation = z.strictObject({
  model: text,
  requested_model: text,
  prompt_tokens: z.int().nullable(),
  cached_tokens: z.int().nullable(),
  completion_tokens: z.int().nullable(),
  reasoning_tokens: z.int().nullable(),
  cost: decimal.nullable(),
  first_text_ms: z.int().nullable(),
  finish_reason: z
    .enum(['stop', 'length', 'content_filter', 'tool_calls', 'other', 'stopped', 'failed', 'interrupted'])
    .nullable(),
});

export const model = z.strictObject({
  name: text,
  is_allowed: z.boolean(),
  is_default: z.boolean(),
  context_tokens: z.int(),
  max_reply_tokens: z.int(),
  takes_images: z.boolean(),
  takes_tools: z.boolean(),
  price: z.strictObject({ prompt: decimal, cached: decimal, completion: decimal, currency: text }).nullable(),
  fallback: text.nullable(),
});

export const modelBreaker = z.strictObject({
  model: text,
  provider: text,
  state: z.enum(['closed', 'open', 'half_open']),
  failures: z.int(),
  opened_at: time.nullable(),
  retry_at: time.nullable(),
  last_failure: text.nullable(),
});

export const announcement = z.strictObject({
  announcement_id: uuid,
  text,
  level: z.enum(['INFO', 'WARNING', 'CRITICAL']),
  starts_at: time,
  ends_at: time.nullable(),
  state: z.enum(['SCHEDULED', 'CURRENT', 'ENDED']),
  created_at: time,
  updated_at: time,
});

export const message = z.strictObject({
  message_id: uuid,
  conversation_id: uuid,
  user_id: uuid.nullable(),
  content: object,
  message_type: text,
  timestamp: time,
  extra: object.nullable(),
  reasoning: text.nullable(),
  waits_until: time.nullable(),
  tool_calls: z.array(
    z.strictObject({
      id: text,
      name: text,
      arguments: text,
      server: text.nullable(),
      output: text.nullable(),
      error: text.nullable(),
    }),
  ),
  status: z.enum(['complete', 'streaming', 'partial', 'failed']),
  reply_to: uuid.nullable(),
  parent_id: uuid.nullable(),
  sequence: z.int().nullable(),
  generation: generation.nullable(),
});

export const streamTicket = z.strictObject({ ticket: text, expires_in: z.int(), url: text });

export const usage = z.strictObject({
  usage_id: uuid,
  user_id: uuid,
  date: z.iso.date(),
  message_count: z.int(),
  token_count: z.int(),
  file_uploads: z.int(),
});

export const plan = z.strictObject({
  price: z.int(),
  daily_messages: z.int(),
  daily_tokens: z.int(),
  max_conversations: z.int(),
  max_file_uploads: z.int(),
});

export const tokens = z.strictObject({ access_token: text, refresh_token: text, expires_in: z.int().positive() });

export const chat = z.strictObject({ response: text, tokens: z.int(), generation });

type Answer = Pick<RestAnswer, 'status' | 'body'> & { readonly headers: Headers };

/** Expects a success in the envelope. @returns its data, checked for exactly these keys */
export function dataOf<Data>(answer: Answer, shape: ZodType<Data>): Data {
  expect(answer.body).toEqual({ code: 200, message: 'Success', data: answer.body.data });
  expect(answer.status).toBe(200);
  expect(answer.headers.get('content-type')).toBe('application/json; charset=utf-8');
  return shape.parse(answer.body.data);
}

export function expectError(answer: Answer, status: number, text: string, data: unknown = null): void {
  expect(answer.body).toEqual({ code: status, message: text, data });
  expect(answer.status).toBe(status);
  expect(answer.headers.get('content-type')).toBe('application/json; charset=utf-8');
}

/** Expects 422 with exactly these faults: the client's name of a field, and what is wrong with it. */
export function expectFaults(answer: Answer, faults: Readonly<Record<string, unknown>>): void {
  expectError(answer, 422, 'Validation error', { errors: expect.any(Array) });
  const { errors } = answer.body.data as { readonly errors: readonly { field: string; message: string }[] };
  expect(Object.fromEntries(errors.map(({ field, message }) => [field, message]))).toEqual(faults);
  expect(errors).toHaveLength(Object.keys(faults).length);
}
