import type { Settings } from './topics.js';

/**
 * The domain that passkeys are made for. Browsers allow `localhost` as an exception to the rule that the page must be served
 * over TLS; they never allow an IP address.
 */
export function relyingPartyOf({ webAuthn, publicUrl }: Pick<Settings, 'webAuthn' | 'publicUrl'>): string {
  return webAuthn.rpId ?? (publicUrl === undefined ? 'localhost' : new URL(publicUrl).hostname);
}
