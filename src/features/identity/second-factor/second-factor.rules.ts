import { z } from 'zod';
import { text } from '../../../kernel/rules.js';
import { presentPassword } from '../accounts/accounts.rules.js';
import { MAX_CODE_LENGTH } from './second-factor.js';

const code = () => text(MAX_CODE_LENGTH);

export const codeRules = z.object({ code: code() });

export const enrolRules = z.object({
  input: z.object({ password: presentPassword().nullish(), code: code().nullish() }),
});
