import type { Client } from '../../../kernel/caller.js';
import type { AuditEvent } from '../../../ports/audit-log.js';
import type { ProviderUser } from '../../../ports/identity-provider.js';
import { emailAddress, isSameMailbox } from '../accounts/email-address.js';
import type { UserRow } from '../accounts/user.js';

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
  const email = emailAddress().safeParse(user.email);
  return email.success
    ? { ...user, provider, email: email.data }
    : { ...user, provider, email: null, isEmailVerified: false };
}

/** Whether the provider vouches for this person as the reader of the account's mailbox. */
export function vouchesForMailbox(vouched: VouchedUser, account: Pick<UserRow, 'email'>): boolean {
  return vouched.isEmailVerified && isSameMailbox(vouched.email, account.email);
}

/** The audit event of a link that ended. */
export function unlinked({ provider }: Pick<IdentityRow, 'provider'>, userId: string, client: Client): AuditEvent {
  return { action: 'IDENTITY_UNLINKED', actorId: userId, subjectId: userId, client, details: { provider } };
}
