import { z } from 'zod';
import { MAX_EMAIL_LENGTH, email, text } from '../../../kernel/rules.js';
import { password } from '../accounts/accounts.rules.js';

/** Room for the spaces that people copy with a code. */
const MAX_CODE_LENGTH = 64;

/** Only the length has a rule, since both are compared: anything else is answered with `Invalid OTP`. */
const redemption = { email: text(MAX_EMAIL_LENGTH), otp: text(MAX_CODE_LENGTH) };

export const requestRules = z.object({ email: email() });

export const resetRules = z.object({ input: z.object({ ...redemption, newPassword: password() }) });

export const verifyRules = z.object({ input: z.object(redemption) });
