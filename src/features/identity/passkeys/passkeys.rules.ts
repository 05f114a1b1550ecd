import { z } from 'zod';
import { jsonObject, text } from '../../../kernel/rules.js';

/** An answer without certificates has some 1,500 bytes. */
const MOST_ANSWER_BYTES = 16_384;

const base64url = () => z.string().regex(/^[A-Za-z0-9_-]+$/, 'must be base64url');
/** WebAuthn, section 4: at most 1,023 bytes. */
const credentialId = () => base64url().max(1364, 'must be at most 1364 characters');

const credential = <Response extends z.ZodRawShape>(response: Response) =>
  z.object({
    id: credentialId(),
    rawId: credentialId(),
    type: z.literal('public-key'),
    response: z.object({ clientDataJSON: base64url(), ...response }),
  });

/** What browsers send beyond these is dropped. */
const answer = <Rules extends z.ZodType<unknown, Record<string, unknown>>>(rules: Rules) =>
  jsonObject(MOST_ANSWER_BYTES).pipe(rules);

const registrationAnswer = () =>
  answer(
    credential({
      attestationObject: base64url(),
      transports: z.array(text(32)).max(16, 'must have at most 16 items').optional(),
    }),
  );
const loginAnswer = () =>
  answer(credential({ authenticatorData: base64url(), signature: base64url(), userHandle: base64url() }));

const name = () => text(64, 1);
const code = () => text(64);

export const startRegistrationRules = z.object({
  input: z.object({ password: text(512).nullish(), code: code().nullish() }),
});
export const finishRegistrationRules = z.object({
  input: z.object({ name: name(), credential: registrationAnswer() }),
});
export const renameRules = z.object({ name: name() });
export const finishLoginRules = z.object({ credential: loginAnswer() });
