import { z } from 'zod';
import { planName } from '../../../kernel/rules.js';
import { emailAddress } from '../accounts/email-address.js';
import { MAX_USES } from './invitation.js';

export const invitationRules = z.object({
  input: z.looseObject({
    email: emailAddress().nullish(),
    plan: planName().nullish(),
    uses: z.number().int().min(1, 'must be at least 1').max(MAX_USES, `must be at most ${MAX_USES}`).nullish(),
  }),
});
