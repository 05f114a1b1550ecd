import { z } from 'zod';
import { text } from '../../../kernel/rules.js';
import { TOKEN_SCOPES } from '../../../kernel/token-scopes.js';
import { presentPassword } from '../accounts/accounts.rules.js';
import { MAX_CODE_LENGTH } from '../second-factor/second-factor.js';
import { MAX_TOKEN_NAME_LENGTH } from './personal-access-token.js';

export const createTokenRules = z.object({
  input: z.looseObject({
    name: text(MAX_TOKEN_NAME_LENGTH, 1),
    scopes: z
      .array(z.enum(TOKEN_SCOPES, `must be one of ${TOKEN_SCOPES.join(', ')}`))
      .min(1, 'must not be empty')
      .max(TOKEN_SCOPES.length, `must have at most ${TOKEN_SCOPES.length} items`),
    password: presentPassword().nullish(),
    code: text(MAX_CODE_LENGTH).nullish(),
  }),
});
