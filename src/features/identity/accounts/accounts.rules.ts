import { z } from 'zod';
import { email, idRules, jsonObject, notNull, phoneNumber, planName, text } from '../../../kernel/rules.js';
import { isCommonPassword } from './common-passwords.js';

export const MIN_PASSWORD_LENGTH = 8;
export const MAX_PASSWORD_LENGTH = 256;
export const MAX_PROVIDER_LENGTH = 64;
export const MAX_PROVIDER_ID_LENGTH = 255;
export const MAX_PROFILE_BYTES = 16_384;
/** Longer parts of an e-mail address or phone number cost seconds to search for. */
export const MAX_SEARCH_LENGTH = 100;

/** A new password, counted in code points. What normalisation takes away does not count towards the minimum. */
export const password = () =>
  z
    .string()
    // A character has at most two UTF-16 units: text that is far too long is not spread into characters.
    .max(2 * MAX_PASSWORD_LENGTH, { message: `must be at most ${MAX_PASSWORD_LENGTH} characters`, abort: true })
    .refine((value) => charactersIn(value) <= MAX_PASSWORD_LENGTH, `must be at most ${MAX_PASSWORD_LENGTH} characters`)
    .refine((value) => charactersIn(value.normalize('NFKC')) >= MIN_PASSWORD_LENGTH, {
      message: `must be at least ${MIN_PASSWORD_LENGTH} characters`,
      abort: true,
    })
    .refine((value) => !isCommonPassword(value), 'is too common')
    // For the reference, which cannot read refinements.
    .meta({ minLength: MIN_PASSWORD_LENGTH, maxLength: MAX_PASSWORD_LENGTH });

/** A password to compare with the stored one, whose only rule is its length: a character has at most two UTF-16 units. */
export const presentPassword = () => text(2 * MAX_PASSWORD_LENGTH);

const charactersIn = (value: string) => Array.from(value).length;

const provider = () => text(MAX_PROVIDER_LENGTH, 1);
const providerId = () => text(MAX_PROVIDER_ID_LENGTH);
const profile = () => jsonObject(MAX_PROFILE_BYTES);

// Loose: fields without a rule of their own pass as they came, with the type that GraphQL has seen to.
export const newUserRules = z.object({
  input: z.looseObject({
    provider: provider(),
    password: password(),
    email: email().nullish(),
    phoneNumber: phoneNumber().nullish(),
    providerId: providerId().nullish(),
    profile: profile().nullish(),
    plan: planName().nullish(),
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
    plan: notNull(planName()),
  }),
});

export const searchRules = z.object({ search: text(MAX_SEARCH_LENGTH).nullish() });

export const updateRules = idRules.extend(userChangesRules.shape);
