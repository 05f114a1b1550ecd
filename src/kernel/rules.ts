import { z } from 'zod';
import { isUuid } from './ids.js';

/** Input rules that several features share. Each message completes the sentence "<field> …". */

/** A limit on text counts UTF-16 code units, as JavaScript's `length` does. */
export const text = (most: number, least = 0) =>
  z
    .string()
    .refine((value) => value.trim().length >= least, {
      message: least === 1 ? 'must not be empty' : `must be at least ${least} characters`,
      abort: true,
    })
    .max(most, `must be at most ${most} characters`)
    // The refinement above as a pattern, for the API reference.
    .meta(least > 0 ? { minLength: least, pattern: String.raw`\S` } : {});

export const uuid = () =>
  z
    .string()
    .refine(isUuid, 'must be a UUID')
    .transform((id) => id.toLowerCase());

/** At most 254 characters (RFC 5321), one `@` and a domain; the mail server decides whether the rest is valid. */
export const email = () =>
  z
    .string()
    .trim()
    .max(254, 'must be at most 254 characters')
    .regex(/^[^\s@<>(),;:"\\[\]]+@[^\s@<>(),;:"\\[\]]+\.[^\s@<>(),;:"\\[\].]+$/, 'must be an e-mail address');

/** E.164 with a leading plus, and the spaces, dots, dashes and brackets that people write. */
export const phoneNumber = () =>
  z
    .string()
    .trim()
    .regex(/^\+?[0-9][0-9 ().-]{1,29}[0-9)]$/, 'must be a phone number');

/** For an optional field that may not be null, although its GraphQL type is nullable. */
export const notNull = (rules: z.ZodType) =>
  z
    .any()
    .refine((value) => value !== null, { message: 'must not be null', abort: true })
    .pipe(rules)
    .optional();

/** Maximum nesting of JSON, counting the value itself as 1: parsers and databases of clients fail on deeper values. */
export const MAX_JSON_DEPTH = 32;

/** A JSON object of at most `mostBytes` bytes as UTF-8 JSON. */
export const jsonObject = (mostBytes: number) =>
  z.record(z.string(), z.unknown()).superRefine((value, context) => {
    if (depthExceeds(value, MAX_JSON_DEPTH)) {
      context.addIssue({ code: 'custom', message: `must not be nested deeper than ${MAX_JSON_DEPTH} levels` });
    } else if (Buffer.byteLength(JSON.stringify(value)) > mostBytes) {
      context.addIssue({ code: 'custom', message: `must be at most ${mostBytes} bytes as JSON` });
    }
  });

function depthExceeds(value: unknown, most: number): boolean {
  if (typeof value !== 'object' || value === null) return false;
  if (most === 0) return true;
  return Object.values(value).some((child) => depthExceeds(child, most - 1));
}
