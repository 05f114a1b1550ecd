import { createHmac, timingSafeEqual } from 'node:crypto';
import { isToken, sha256 } from '../../../kernel/token.js';
import type { LoginBinding } from '../../../ports/identity-provider.js';

/** Time limit of a login at a provider: users may have to find a password or a phone first. */
export const LOGIN_MINUTES = 10;
/** Lifetime of a login code, which a front end redeems as soon as its page has loaded. */
export const CODE_SECONDS = 60;

/** RFC 7636, section 4.1. */
export const MIN_VERIFIER_LENGTH = 43;
export const MAX_VERIFIER_LENGTH = 128;
const VERIFIER = new RegExp(`^[A-Za-z0-9._~-]{${MIN_VERIFIER_LENGTH},${MAX_VERIFIER_LENGTH}}$`);

/**
 * The values that bind the provider's answer to a login. Nonce and verifier are derived from the secret, which only the
 * client that started the login has. So the stored data alone is not enough to finish the login, and any instance can
 * do it.
 */
export function bindingOf(state: string, secret: string, redirectUri: string): LoginBinding {
  const derived = (use: string) => createHmac('sha256', secret).update(`${use} ${state}`).digest('base64url');
  return { state, nonce: derived('nonce'), codeVerifier: derived('verifier'), redirectUri };
}

/** RFC 7636, section 4.6, with S256. */
export function matchesChallenge(challenge: string, verifier: string): boolean {
  if (!VERIFIER.test(verifier) || !isToken(challenge)) return false;
  return timingSafeEqual(Buffer.from(challenge, 'base64url'), sha256(verifier));
}
