import { RECENT_LOGIN_MINUTES } from '../sessions/fresh-proof.js';
import { MAX_PROVIDERS } from './login-provider-settings.js';
import { CODE_SECONDS } from './provider-login.js';

export const descriptions = {
  loginProviders: `The providers that users can log in at, in place of a password; at most ${MAX_PROVIDERS}.`,

  startProviderLogin:
    'Begins a login at a provider, by the authorization code with PKCE. NOT_FOUND when there is no such provider; UNAVAILABLE when it does not answer; RATE_LIMITED after too many from a client.',

  finishProviderLogin:
    'Logs in whom the provider vouches for: the user whom they are linked to; or one with the same e-mail address, when the provider has verified it; or a new one without a password. Unless somebody has proved to hold the account with that address and to read its mailbox (`verifyEmail` with an access token), another person may have made it, so it is cleared of sessions, password, passkeys, other providers and second factor. Good once for each start. BAD_USER_INPUT `Invalid login state` when the start is unknown, used, too old or of another client; UNAUTHENTICATED when the provider refused, or its word does not hold; CONFLICT when an account has the address and the provider has not verified it; UNAVAILABLE when the provider does not answer; else as `login`, second factor included.',

  redeemLoginCode: `Tokens for the code that a browser brought to the \`returnUrl\` of a login. BAD_USER_INPUT \`Invalid login code\` when it is wrong, used or older than ${CODE_SECONDS} seconds, or the verifier is not the one of the start, which uses the code up too; else as \`login\`, second factor included.`,

  startIdentityLink: `Begins a login at a provider that \`finishIdentityLink\` links to the caller, in the same session. BAD_USER_INPUT without the right password; a user without one has to have logged in within ${RECENT_LOGIN_MINUTES} minutes, FORBIDDEN \`Recent login required\`. FORBIDDEN for internal calls; else as \`startProviderLogin\`.`,

  finishIdentityLink:
    'Links whom the provider vouches for to the caller: from then on they log in as the caller. CONFLICT when they are linked to another account; BAD_USER_INPUT `Invalid login state` when another session began it; else as `finishProviderLogin`.',

  unlinkIdentity:
    "The provider no longer logs the caller in; sessions go on. CONFLICT when it is the last one and the caller has no password; NOT_FOUND when it is another user's. Always true.",
} as const;
