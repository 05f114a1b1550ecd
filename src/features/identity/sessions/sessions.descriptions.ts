import { RETRY_MS } from './refresh-token.js';

export const descriptions = {
  logout:
    "Ends the session of the caller's access token: that token and the session's refresh token are dead. Always true.",

  logoutRefreshToken: "Ends the session of this one too, if it is the caller's; any other is ignored.",

  verifyToken: 'The id of the user whose access token this is. UNAUTHENTICATED when it is not good.',

  refreshTokens: `New tokens of the same session, for a refresh token that has not been used. Sent again within ${RETRY_MS / 1_000} seconds, as by a second tab or a client that lost the answer, it gives the same new refresh token, as long as that one is not used. Sent later, it ends the session: somebody has a copy. UNAUTHENTICATED when it is not good.`,

  revokeSession:
    "Ends one of the caller's sessions: its tokens are dead. NOT_FOUND when it has ended or is another user's. Always true.",
} as const;
