import { z } from 'zod';
import { MAX_EMAIL_LENGTH, email, text } from '../../../kernel/rules.js';
import { password } from '../accounts/accounts.rules.js';

/** Leaves room for spaces that people copy with a code. */
const MAX_CODE_LENGTH = 64;

/**
 * Limits only the lengths, since both values are just compared: a malformed one gets `Invalid OTP` like a wrong one.
 */
const redemption = { email: text(MAX_EMAIL_LENGTH), otp: text(MAX_CODE_LENGTH) };

export const requestRules = z.object({ email: email() });

export const resetRules = z.object({ input: z.object({ ...redemption, newPassword: password() }) });

export const verifyRules = z.object({ input: z.object(redemption) });
