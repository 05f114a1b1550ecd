import { z } from 'zod';
import { MAX_EMAIL_LENGTH, text } from '../../../kernel/rules.js';
import { presentPassword } from '../accounts/accounts.rules.js';
import { MAX_CODE_LENGTH } from '../second-factor/second-factor.js';

/** Leaves room for challenges of any release. */
const MAX_CHALLENGE_LENGTH = 256;

export const loginRules = z.object({ input: z.object({ email: text(MAX_EMAIL_LENGTH), password: presentPassword() }) });

export const completeRules = z.object({
  input: z.object({ challenge: text(MAX_CHALLENGE_LENGTH), code: text(MAX_CODE_LENGTH) }),
});
