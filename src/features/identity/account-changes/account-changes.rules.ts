import { z } from 'zod';
import { text } from '../../../kernel/rules.js';
import { password, presentPassword } from '../accounts/accounts.rules.js';
import { emailAddress } from '../accounts/email-address.js';
import { MAX_CODE_LENGTH } from '../second-factor/second-factor.js';

/** Leaves room for tokens of any release. */
const MAX_TOKEN_LENGTH = 256;
const code = () => text(MAX_CODE_LENGTH);

export const changePasswordRules = z.object({
  current: presentPassword().nullish(),
  new: password(),
  code: code().nullish(),
});
export const changeEmailRules = z.object({
  password: presentPassword().nullish(),
  email: emailAddress(),
  code: code().nullish(),
});
export const confirmRules = z.object({ code: code() });
export const undoRules = z.object({ token: text(MAX_TOKEN_LENGTH) });
