import { email as emailRules } from '../../../kernel/rules.js';
import type { ProviderUser } from '../../../ports/identity-provider.js';

/** Someone at a provider, who is a user here. */
export interface IdentityRow {
  readonly id: string;
  readonly userId: string;
  /** The provider's name in the settings when it was linked. */
  readonly provider: string;
  /** As the provider had it when it was linked. */
  readonly email: string | null;
  readonly createdAt: Date;
  readonly lastUsedAt: Date;
}

/** Someone as a provider vouches for them. */
export interface VouchedUser extends ProviderUser {
  /** The provider's name in the settings. */
  readonly provider: string;
}

/** With no address in place of one that no account could have. */
export function vouchedUser(provider: string, user: ProviderUser): VouchedUser {
  const email = emailRules().safeParse(user.email);
  return email.success
    ? { ...user, provider, email: email.data }
    : { ...user, provider, email: null, isEmailVerified: false };
}

/**
 * Whether mail to both reaches one person. Databases take more for the same than this: the sign for kelvin is a small k to
 * some, and another mailbox to a mail server.
 */
export function isSameMailbox(one: string, other: string): boolean {
  return foldAscii(one) === foldAscii(other);
}

function foldAscii(address: string): string {
  return address.trim().replace(/[A-Z]/g, (letter) => letter.toLowerCase());
}
