import { figure } from '../../../kernel/figures.js';
import { RECENT_LOGIN_MINUTES } from '../sessions/fresh-proof.js';
import { MAX_ANSWER_BYTES, MAX_PASSKEYS, PASSKEY_CHALLENGE_MINUTES } from './passkey.js';

export const descriptions = {
  startPasskeyRegistration: `What to ask the browser for a passkey with: \`navigator.credentials.create({ publicKey: PublicKeyCredential.parseCreationOptionsFromJSON(...) })\`. Good for ${PASSKEY_CHALLENGE_MINUTES} minutes and one answer. BAD_USER_INPUT without the right password, and, while a second factor is on, without a code of it; a user without a password has to have logged in within ${RECENT_LOGIN_MINUTES} minutes, FORBIDDEN \`Recent login required\`. RATE_LIMITED after too many tries; CONFLICT with ${MAX_PASSKEYS} passkeys.`,

  finishPasskeyRegistration:
    'Adds the passkey that the browser made for `startPasskeyRegistration`. BAD_USER_INPUT `Invalid passkey` when the answer is not good: another challenge, a used or an old one, another origin, a user who was not verified. CONFLICT when it is registered already.',

  deletePasskey:
    "Removes one of the caller's passkeys and answers it as it was: no login is possible with it from then on; sessions go on. NOT_FOUND for anyone else's.",

  startPasskeyLogin: `What to ask the browser for any passkey of this service with: \`navigator.credentials.get({ publicKey: PublicKeyCredential.parseRequestOptionsFromJSON(...) })\`. Good for ${PASSKEY_CHALLENGE_MINUTES} minutes and one answer. RATE_LIMITED after too many from a client.`,

  finishPasskeyLogin:
    'Opens a session for the user of the passkey that the browser answered `startPasskeyLogin` with; no second factor is asked for. UNAUTHENTICATED `Invalid passkey` when anything about the answer is not good: ask for another one. FORBIDDEN `Account disabled`.',

  loginAnswer: `What \`navigator.credentials.get\` gave, as its \`toJSON()\` gives it. At most ${figure(MAX_ANSWER_BYTES)} bytes.`,
} as const;
