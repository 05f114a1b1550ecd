import type { Settings } from './topics.js';

/**
 * The domain of passkeys (WebAuthn's relying party id). Browsers require TLS except for `localhost`, and never allow an IP
 * address.
 */
export function relyingPartyOf({ webAuthn, publicUrl }: Pick<Settings, 'webAuthn' | 'publicUrl'>): string {
  return webAuthn.rpId ?? (publicUrl === undefined ? 'localhost' : new URL(publicUrl).hostname);
}
