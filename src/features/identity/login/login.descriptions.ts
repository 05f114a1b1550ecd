import { BLOCK, CHALLENGE_MINUTES, MAX_TRIES } from '../second-factor/second-factor.js';

export const descriptions = {
  login:
    'Opens a session. UNAUTHENTICATED `Invalid credentials` when address or password is wrong, FORBIDDEN `Account disabled` when only the account is in the way; UNAUTHENTICATED `Second factor required` when the user has one, with `secondFactor { challenge, expiresIn, methods }` in `extensions` for `completeLogin`; RATE_LIMITED after too many tries for an address or from a client, good ones included; UNAVAILABLE when too many passwords are being checked at once.',

  completeLogin: `Opens the session that a login was refused with \`Second factor required\`. UNAUTHENTICATED \`Invalid code\`, and the challenge is good for another try; UNAUTHENTICATED \`Invalid challenge\` when it is used, older than ${CHALLENGE_MINUTES} minutes, tried ${MAX_TRIES} times, or the password is another one since: log in again. RATE_LIMITED after ${BLOCK.failures} wrong codes of the app in a row, over all logins of the user, for ${BLOCK.firstMinutes} minutes and longer each time; a recovery code ends that.`,
} as const;
