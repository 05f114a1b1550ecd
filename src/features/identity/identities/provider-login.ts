import { createHmac, timingSafeEqual } from 'node:crypto';
import { isToken, sha256 } from '../../../kernel/token.js';
import type { LoginBinding } from '../../../ports/identity-provider.js';

/** People look for their password, or for their telephone; a provider's own pages live for about as long. */
export const LOGIN_MINUTES = 10;
/** A front end redeems its code as soon as its page is there. */
export const CODE_SECONDS = 60;

/** RFC 7636, 4.1. */
export const MIN_VERIFIER_LENGTH = 43;
export const MAX_VERIFIER_LENGTH = 128;
const VERIFIER = new RegExp(`^[A-Za-z0-9._~-]{${MIN_VERIFIER_LENGTH},${MAX_VERIFIER_LENGTH}}$`);

/**
 * What a login says to the provider, and expects back. Nonce and verifier are derived from the secret, which only the one
 * who began the login has: what is stored of it is of no use to a reader of the database, and any instance can finish it.
 */
export function bindingOf(state: string, secret: string, redirectUri: string): LoginBinding {
  const derived = (use: string) => createHmac('sha256', secret).update(`${use} ${state}`).digest('base64url');
  return { state, nonce: derived('nonce'), codeVerifier: derived('verifier'), redirectUri };
}

/** RFC 7636, 4.6, with S256. */
export function matchesChallenge(challenge: string, verifier: string): boolean {
  if (!VERIFIER.test(verifier) || !isToken(challenge)) return false;
  return timingSafeEqual(Buffer.from(challenge, 'base64url'), sha256(verifier));
}
