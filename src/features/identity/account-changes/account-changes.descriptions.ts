import { RECENT_LOGIN_MINUTES } from '../sessions/fresh-proof.js';
import { CONFIRM_MINUTES, MAX_TRIES, UNDO_DAYS } from './account-change.js';

const PROOF = `BAD_USER_INPUT without the right password, and, while a second factor is on, without a code of it; a user without a password has to have logged in within ${RECENT_LOGIN_MINUTES} minutes, FORBIDDEN \`Recent login required\`. RATE_LIMITED after too many tries.`;

export const descriptions = {
  changePassword: `Sets a new password, and ends the caller's other sessions; this one stays. A mail to the account's address has a link that undoes it for ${UNDO_DAYS} days. ${PROOF} CONFLICT when another change came first. Always true.`,

  changeEmail: `Mails a code to a new address; for \`confirmEmailChange\`, for ${CONFIRM_MINUTES} minutes. Until then the account keeps its address. CONFLICT when the new one is taken. ${PROOF} Always true.`,

  confirmEmailChange: `Makes the address of \`changeEmail\` the account's, and verified, with the code that was mailed there. A mail to the old address has a link that undoes it for ${UNDO_DAYS} days. BAD_USER_INPUT \`Invalid code\` when it is wrong, used, replaced or too old, or after ${MAX_TRIES} tries; CONFLICT when the address was taken meanwhile.`,

  undoAccountChange: `Undoes a change of a password or an e-mail address with the token of the link that was mailed to the address from before it, and every later such change: that address is the account's again, all sessions end, the password is gone, and so are passkeys, linked providers and a second factor that were added since (all of them, where the user had not proved to read that mailbox). A code for \`resetPassword\` is mailed to the address. For anyone who has the token. BAD_USER_INPUT \`Invalid link\` when it is wrong, used, older than ${UNDO_DAYS} days, or an earlier change was undone, or an admin has given the account another address since; CONFLICT when another account has the address by now. Always true.`,
} as const;
