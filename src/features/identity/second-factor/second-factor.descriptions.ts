import { RECENT_LOGIN_MINUTES } from '../sessions/fresh-proof.js';
import { RECOVERY_CODE_COUNT } from './recovery-codes.js';
import { BLOCK, ENROLMENT_MINUTES, MAX_TRIES } from './second-factor.js';

const BY_CODE = `BAD_USER_INPUT \`Invalid code\` when it is wrong, used, or the second factor is off; RATE_LIMITED after ${BLOCK.failures} wrong ones in a row, for ${BLOCK.firstMinutes} minutes and longer each time, and after too many tries of any kind.`;

export const descriptions = {
  enrolSecondFactor: `Makes a secret for an authenticator app; an earlier one that waits for its confirmation is dead. Nothing changes until \`confirmSecondFactor\`. BAD_USER_INPUT without the right password, and, while a second factor is on, without a code of it; a user without a password has to have logged in within ${RECENT_LOGIN_MINUTES} minutes, FORBIDDEN \`Recent login required\`. RATE_LIMITED after too many tries.`,

  confirmSecondFactor: `Turns the second factor on with a code of the app that \`enrolSecondFactor\` was for: from then on, logins ask for it; sessions that there are go on. BAD_USER_INPUT \`Invalid code\` when it is wrong, or no enrolment waits; an enrolment is good for ${ENROLMENT_MINUTES} minutes and ${MAX_TRIES} tries.`,

  regenerateRecoveryCodes: `Makes ${RECOVERY_CODE_COUNT} new recovery codes; the old ones are dead. Takes a code of the app, or an old recovery code. ${BY_CODE}`,

  disableSecondFactor: `Switches the second factor off, and forgets the recovery codes. Takes a code of the app, or a recovery code. ${BY_CODE} Always true.`,

  adminDisableSecondFactor:
    'Switches the second factor of a user off who has lost it. For admins, and not for their own: FORBIDDEN `Another admin has to do this`. Nothing changes when it was off. Always true.',
} as const;
