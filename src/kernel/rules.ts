import { z } from 'zod';
import { isUuid } from './ids.js';

/** Input rules that several features share. Each message completes the sentence "<field> …". */

/** A limit on text counts UTF-16 code units, as JavaScript's `length` does. */
export const text = (max: number, min = 0) =>
  z
    .string()
    .refine((value) => value.trim().length >= min, {
      message: min === 1 ? 'must not be empty' : `must be at least ${min} characters`,
      abort: true,
    })
    .max(max, `must be at most ${max} characters`)
    // The refinement above as a pattern, for the API reference.
    .meta(min > 0 ? { minLength: min, pattern: String.raw`\S` } : {});

/** Maximum characters of why an admin did something. */
export const MAX_REASON_LENGTH = 500;

export const uuid = () =>
  z
    .string()
    .refine(isUuid, 'must be a UUID')
    .transform((id) => id.toLowerCase());

export const idRules = z.object({ id: uuid() });

/** For a list of a user's, and for one thing of it. */
export const ofUserRules = z.object({ userId: uuid() });
export const oneOfUserRules = idRules.extend({ userId: uuid() });

/** RFC 5321. */
export const MAX_EMAIL_LENGTH = 254;

/** Text that may be the address of an account: there are some from before the rule of email-address.ts. */
export const email = () =>
  z
    .string()
    .trim()
    .max(MAX_EMAIL_LENGTH, { message: `must be at most ${MAX_EMAIL_LENGTH} characters`, abort: true })
    .regex(/^[^\s@<>(),;:"\\[\]]+@[^\s@<>(),;:"\\[\]]+\.[^\s@<>(),;:"\\[\].]+$/, {
      message: 'must be an e-mail address',
      abort: true,
    });

/** E.164 with a leading plus, and the spaces, dots, dashes and brackets that people write. */
export const phoneNumber = () =>
  z
    .string()
    .trim()
    .regex(/^\+?[0-9][0-9 ().-]{1,29}[0-9)]$/, 'must be a phone number');

/** The name of a plan, which may not exist. */
export const planName = () => text(64, 1);

/** For an optional field that may not be null, although its GraphQL type is nullable. */
export const notNull = (rules: z.ZodType) =>
  z
    .any()
    .refine((value) => value !== null, { message: 'must not be null', abort: true })
    .pipe(rules)
    .optional();

/** Maximum nesting of JSON, counting the value itself as 1: parsers and databases of clients fail on deeper values. */
export const MAX_JSON_DEPTH = 32;

/** A JSON object of at most `maxBytes` bytes as UTF-8 JSON, kept as sent: zod's records lose a key named `__proto__`. */
export const jsonObject = (maxBytes: number) =>
  z
    .custom<Readonly<Record<string, unknown>>>(isJsonObject, { error: objectWords, abort: true })
    .superRefine((value, context) => {
      if (depthExceeds(value, MAX_JSON_DEPTH)) {
        context.addIssue({ code: 'custom', message: `must not be nested deeper than ${MAX_JSON_DEPTH} levels` });
      } else if (Buffer.byteLength(JSON.stringify(value)) > maxBytes) {
        context.addIssue({ code: 'custom', message: `must be at most ${maxBytes} bytes as JSON` });
      }
    })
    // The type for the API reference.
    .meta({ type: 'object' });

function isJsonObject(value: unknown): boolean {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function objectWords({ input }: { readonly input?: unknown }): string {
  return input === undefined ? 'is required' : 'must be an object';
}

function depthExceeds(value: unknown, maxDepth: number): boolean {
  if (typeof value !== 'object' || value === null) return false;
  if (maxDepth === 0) return true;
  return Object.values(value).some((child) => depthExceeds(child, maxDepth - 1));
}
