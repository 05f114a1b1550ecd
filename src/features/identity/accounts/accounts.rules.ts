import { z } from 'zod';
import { email, jsonObject, notNull, phoneNumber, text, uuid } from '../../../kernel/rules.js';
import { isCommonPassword } from './common-passwords.js';

const LEAST_PASSWORD_LENGTH = 8;
const MOST_PASSWORD_LENGTH = 256;
const MOST_PROFILE_BYTES = 16_384;
/** The longest part of an e-mail address or phone number that one may search for: longer ones cost seconds. */
const MOST_SEARCH_LENGTH = 100;

/** Counted in code points rather than UTF-16 units. What normalisation takes away does not count for the least. */
export const password = () =>
  z
    .string()
    // A character has two units at the most: what is far too long is not spread into characters.
    .max(2 * MOST_PASSWORD_LENGTH, { message: `must be at most ${MOST_PASSWORD_LENGTH} characters`, abort: true })
    .refine(
      (value) => charactersIn(value) <= MOST_PASSWORD_LENGTH,
      `must be at most ${MOST_PASSWORD_LENGTH} characters`,
    )
    .refine((value) => charactersIn(value.normalize('NFKC')) >= LEAST_PASSWORD_LENGTH, {
      message: `must be at least ${LEAST_PASSWORD_LENGTH} characters`,
      abort: true,
    })
    .refine((value) => !isCommonPassword(value), 'is too common')
    // What the refinements ask, for the reference.
    .meta({ minLength: LEAST_PASSWORD_LENGTH, maxLength: MOST_PASSWORD_LENGTH });

const charactersIn = (value: string) => Array.from(value).length;

const provider = () => text(64, 1);
const providerId = () => text(255);
const profile = () => jsonObject(MOST_PROFILE_BYTES);
const plan = () => text(64, 1);

// Loose: fields without a rule of their own pass as they came, with the type that GraphQL has seen to.
export const newUserRules = z.object({
  input: z.looseObject({
    provider: provider(),
    password: password(),
    email: email().nullish(),
    phoneNumber: phoneNumber().nullish(),
    providerId: providerId().nullish(),
    profile: profile().nullish(),
    plan: plan().nullish(),
  }),
});

export const userChangesRules = z.object({
  input: z.looseObject({
    email: email().nullish(),
    phoneNumber: phoneNumber().nullish(),
    providerId: providerId().nullish(),
    provider: notNull(provider()),
    profile: notNull(profile()),
    password: notNull(password()),
    isVerified: notNull(z.boolean()),
    isActive: notNull(z.boolean()),
    isSuspended: notNull(z.boolean()),
    isAdmin: notNull(z.boolean()),
    plan: notNull(plan()),
  }),
});

export const idRules = z.object({ id: uuid() });

export const searchRules = z.object({ search: text(MOST_SEARCH_LENGTH).nullish() });
