import { z } from 'zod';
import { idRules, jsonObject, text } from '../../../kernel/rules.js';
import { presentPassword } from '../accounts/accounts.rules.js';
import { MAX_CODE_LENGTH } from '../second-factor/second-factor.js';
import { MAX_ANSWER_BYTES, MAX_NAME_LENGTH } from './passkey.js';

const base64url = () => z.string().regex(/^[A-Za-z0-9_-]+$/, 'must be base64url');
/** WebAuthn, section 4: at most 1,023 bytes, here in base64url. */
const MAX_CREDENTIAL_ID_LENGTH = 1_364;
const MAX_TRANSPORTS = 16;
const credentialId = () =>
  base64url().max(MAX_CREDENTIAL_ID_LENGTH, `must be at most ${MAX_CREDENTIAL_ID_LENGTH} characters`);

/** WebAuthn's names of an answer and of its response are their names in the API reference. */
const credential = <Response extends z.ZodRawShape>(title: string, responseTitle: string, response: Response) =>
  z
    .object({
      id: credentialId(),
      rawId: credentialId(),
      type: z.literal('public-key'),
      response: z.object({ clientDataJSON: base64url(), ...response }).meta({ title: responseTitle }),
    })
    .meta({ title });

/** Drops any further fields that browsers send. */
const answer = <Rules extends z.ZodType<unknown, Record<string, unknown>>>(rules: Rules) =>
  jsonObject(MAX_ANSWER_BYTES).pipe(rules);

const registrationAnswer = () =>
  answer(
    credential('PasskeyRegistration', 'AuthenticatorAttestation', {
      attestationObject: base64url(),
      transports: z.array(text(32)).max(MAX_TRANSPORTS, `must have at most ${MAX_TRANSPORTS} items`).optional(),
    }),
  );
const loginAnswer = () =>
  answer(
    credential('PasskeyAssertion', 'AuthenticatorAssertion', {
      authenticatorData: base64url(),
      signature: base64url(),
      userHandle: base64url(),
    }),
  );

const name = () => text(MAX_NAME_LENGTH, 1);
const code = () => text(MAX_CODE_LENGTH);

export const startRegistrationRules = z.object({
  input: z.object({ password: presentPassword().nullish(), code: code().nullish() }),
});
export const finishRegistrationRules = z.object({
  input: z.object({ name: name(), credential: registrationAnswer() }),
});
export const renameRules = idRules.extend({ name: name() });
export const finishLoginRules = z.object({ credential: loginAnswer() });
