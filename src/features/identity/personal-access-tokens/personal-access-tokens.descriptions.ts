import { TOKEN_SCOPES } from '../../../kernel/token-scopes.js';
import { RECENT_LOGIN_MINUTES } from '../sessions/fresh-proof.js';
import { MAX_TOKENS } from './personal-access-token.js';

export const descriptions = {
  type: 'What a script or an integration sends as `Authorization: Bearer <token>` in place of a login. It acts for its user within its scopes, never as an admin, and never on what protects the account.',

  scopes: `What it may do, at least one of ${TOKEN_SCOPES.map((scope) => `\`${scope}\``).join(', ')}; \`write\` includes \`read\`.`,

  token: 'The secret. Only in the answer of `createPersonalAccessToken`, null ever after.',

  list: `The caller's personal access tokens, newest first; at most ${MAX_TOKENS}.`,

  create: `Makes a personal access token. Its \`token\` is in this answer and nowhere else. A mail tells its user. BAD_USER_INPUT without the right password, and, while a second factor is on, without a code of it; a user without a password has to have logged in within ${RECENT_LOGIN_MINUTES} minutes, FORBIDDEN \`Recent login required\`. FORBIDDEN \`Login required\` for a caller without a session. RATE_LIMITED after too many tries; CONFLICT with ${MAX_TOKENS} tokens.`,

  revoke:
    "Ends one of the caller's personal access tokens, with the streams that were opened with it, and answers it as it was. NOT_FOUND for anyone else's.",

  adminList: `A user's personal access tokens, newest first; at most ${MAX_TOKENS}. For admins: FORBIDDEN to others.`,

  adminRevoke:
    "Ends a user's personal access token, and answers it as it was. NOT_FOUND when the user has none with this id. For admins: FORBIDDEN to others.",
} as const;
