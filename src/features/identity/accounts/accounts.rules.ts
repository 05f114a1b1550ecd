import { z } from 'zod';
import { email, idRules, jsonObject, notNull, phoneNumber, planName, text } from '../../../kernel/rules.js';
import { isCommonPassword } from './common-passwords.js';

export const MIN_PASSWORD_LENGTH = 8;
export const MAX_PASSWORD_LENGTH = 256;
export const MAX_PROVIDER_LENGTH = 64;
export const MAX_PROVIDER_ID_LENGTH = 255;
export const MAX_PROFILE_BYTES = 16_384;
/** Maximum length of a code of the second factor. */
export const MAX_PROOF_LENGTH = 64;
/** Maximum length of a search in e-mail addresses and phone numbers: longer ones take seconds. */
export const MAX_SEARCH_LENGTH = 100;

/** A new password, counted in code points. The minimum length applies to its normalised form. */
export const password = () =>
  z
    .string()
    // A code point has at most two UTF-16 units. This check comes first, so that far too long text is not split up.
    .max(2 * MAX_PASSWORD_LENGTH, { message: `must be at most ${MAX_PASSWORD_LENGTH} characters`, abort: true })
    .refine((value) => charactersIn(value) <= MAX_PASSWORD_LENGTH, `must be at most ${MAX_PASSWORD_LENGTH} characters`)
    .refine((value) => charactersIn(value.normalize('NFKC')) >= MIN_PASSWORD_LENGTH, {
      message: `must be at least ${MIN_PASSWORD_LENGTH} characters`,
      abort: true,
    })
    .refine((value) => !isCommonPassword(value), 'is too common')
    // For the API reference, which cannot read refinements.
    .meta({ minLength: MIN_PASSWORD_LENGTH, maxLength: MAX_PASSWORD_LENGTH });

/** A password to compare with the stored one. Only its length is limited: code points have at most two UTF-16 units. */
export const presentPassword = () => text(2 * MAX_PASSWORD_LENGTH);

const charactersIn = (value: string) => Array.from(value).length;

/** In the years that every client's and database's way of writing a time has room for. */
const verifiedAt = () =>
  z
    .date()
    .min(new Date('0001-01-01T00:00:00Z'), 'must be in the year 1 or later')
    .max(new Date('9999-12-31T23:59:59.999Z'), 'must be in the year 9999 or before');

const provider = () => text(MAX_PROVIDER_LENGTH, 1);
const providerId = () => text(MAX_PROVIDER_ID_LENGTH);
const profile = () => jsonObject(MAX_PROFILE_BYTES);

// Loose: fields without a rule of their own pass unchanged, since GraphQL has checked their types.
export const newUserRules = z.object({
  input: z.looseObject({
    provider: provider(),
    password: password(),
    email: email().nullish(),
    phoneNumber: phoneNumber().nullish(),
    providerId: providerId().nullish(),
    profile: profile().nullish(),
    plan: planName().nullish(),
    invitation: text(100).nullish(),
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
    verifiedAt: verifiedAt().nullish(),
    isActive: notNull(z.boolean()),
    isSuspended: notNull(z.boolean()),
    isAdmin: notNull(z.boolean()),
    plan: notNull(planName()),
    code: text(MAX_PROOF_LENGTH).nullish(),
  }),
});

export const searchRules = z.object({ search: text(MAX_SEARCH_LENGTH).nullish() });

export const updateRules = idRules.extend(userChangesRules.shape);
