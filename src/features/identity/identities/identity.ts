import { email as emailRules } from '../../../kernel/rules.js';
import type { ProviderUser } from '../../../ports/identity-provider.js';

/** An account at a provider that is linked to a user. */
export interface IdentityRow {
  readonly id: string;
  readonly userId: string;
  /** The provider's name in the settings at the time of linking. */
  readonly provider: string;
  /** The provider's e-mail address for the account at the time of linking. */
  readonly email: string | null;
  readonly createdAt: Date;
  readonly lastUsedAt: Date;
}

/** A person as a provider vouches for them. */
export interface VouchedUser extends ProviderUser {
  /** The provider's name in the settings. */
  readonly provider: string;
}

/** Takes over the provider's data, but drops an e-mail address that no account could have. */
export function vouchedUser(provider: string, user: ProviderUser): VouchedUser {
  const email = emailRules().safeParse(user.email);
  return email.success
    ? { ...user, provider, email: email.data }
    : { ...user, provider, email: null, isEmailVerified: false };
}

/**
 * Whether two addresses are certainly the same mailbox: ignores the case of ASCII letters only. Databases fold more:
 * the kelvin sign is a small k to some of them, but another mailbox to a mail server.
 */
export function isSameMailbox(one: string, other: string): boolean {
  return foldAscii(one) === foldAscii(other);
}

function foldAscii(address: string): string {
  return address.trim().replace(/[A-Z]/g, (letter) => letter.toLowerCase());
}
