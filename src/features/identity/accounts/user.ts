import { isSameMailbox, newAddress } from './email-address.js';

/** A user, as shown to those who may see it: without the password's hash. */
export interface UserRow {
  readonly id: string;
  readonly email: string | null;
  readonly phoneNumber: string | null;
  readonly provider: string;
  readonly providerId: string | null;
  readonly isVerified: boolean;
  readonly verifiedAt: Date | null;
  /** Since when the account is certainly that of whoever reads the mailbox; null while it may be somebody else's. */
  readonly mailboxProvenAt: Date | null;
  readonly profile: Readonly<Record<string, unknown>>;
  readonly isActive: boolean;
  readonly isSuspended: boolean;
  readonly isAdmin: boolean;
  /** A name from the configured plans. */
  readonly plan: string;
  readonly lastLogin: Date | null;
  readonly createdAt: Date;
  readonly updatedAt: Date;
}

/** A deleted user, who may be restored. */
export interface DeletedUserRow {
  readonly id: string;
  readonly deletedAt: Date;
}

/** The fields of a user that a login checks. */
export interface LoginRow {
  readonly id: string;
  /** Null for a user without a password. */
  readonly passwordHash: string | null;
  /** Raised whenever everything that lets somebody in is cleared: a login that began before opens no session. */
  readonly credentialsEpoch: number;
  readonly isActive: boolean;
  readonly isSuspended: boolean;
}

/** Fields that only an admin may change. Others may send them with their present values. */
export interface GuardedFields {
  readonly isAdmin: boolean;
  readonly plan: string;
  readonly isVerified: boolean;
  readonly verifiedAt: Date | null;
  readonly isActive: boolean;
  readonly isSuspended: boolean;
}

/** Fields that users may change themselves. */
export interface OwnFields {
  readonly email: string | null;
  readonly phoneNumber: string | null;
  readonly provider: string;
  readonly providerId: string | null;
  readonly profile: Readonly<Record<string, unknown>>;
}

export type WritableFields = OwnFields & GuardedFields;

/** The writable fields, and what follows from them. */
export type StoredFields = WritableFields & Pick<UserRow, 'mailboxProvenAt'>;

type Changes<Fields> = { readonly [Name in keyof Fields]?: Fields[Name] | undefined };

/** An omitted or undefined field stays as it is; null clears a nullable one. */
export type UserChanges = Changes<WritableFields & { readonly password: string }>;

/** A field that is omitted or null gets its default. */
export interface NewUser {
  readonly provider: string;
  readonly password: string;
  readonly email?: string | null | undefined;
  readonly phoneNumber?: string | null | undefined;
  readonly providerId?: string | null | undefined;
  readonly profile?: Readonly<Record<string, unknown>> | null | undefined;
  readonly isVerified?: boolean | null | undefined;
  readonly isActive?: boolean | null | undefined;
  readonly isSuspended?: boolean | null | undefined;
  readonly isAdmin?: boolean | null | undefined;
  readonly plan?: string | null | undefined;
  /** The code of an invitation. */
  readonly invitation?: string | null | undefined;
}

/** The guarded fields of a new user. */
export function guardedDefaults(defaultPlan: string): GuardedFields {
  return { isAdmin: false, plan: defaultPlan, isVerified: false, verifiedAt: null, isActive: true, isSuspended: false };
}

/** Whether the user may use the service. Every request of an inactive or suspended user is refused. */
export function isEnabled(user: Pick<UserRow, 'isActive' | 'isSuspended'>): boolean {
  return user.isActive && !user.isSuspended;
}

/** Whether the user is an enabled admin. */
export function isActingAdmin(user: Pick<UserRow, 'isAdmin' | 'isActive' | 'isSuspended'>): boolean {
  return user.isAdmin && isEnabled(user);
}

/**
 * Applies the changes; throws Invalid for an address that no account may be given. A user is verified exactly when `verifiedAt` is set, so that setting one sets the other. A new
 * e-mail address is unverified, whatever the changes say, unless an admin makes them and sets it as verified. Nobody has
 * proved to read the new mailbox, nor that of an account whose verification is taken back.
 */
export function applyChanges(user: StoredFields, changes: UserChanges, byAdmin: boolean, now: Date): StoredFields {
  const given = changes.email === undefined ? user.email : changes.email;
  const email = given === null ? null : newAddress(given, user.email);
  const verification = { isVerified: user.isVerified, verifiedAt: user.verifiedAt };
  const isOtherEmail = email === null ? user.email !== null : !isSameMailbox(email, user.email);
  const vouchedFor = byAdmin && changes.isVerified === true;
  const next =
    isOtherEmail && !vouchedFor
      ? { isVerified: false, verifiedAt: null }
      : verificationAfter(verification, changes, now);
  const isDoubted = isOtherEmail || (user.isVerified && !next.isVerified);
  return {
    email,
    phoneNumber: changes.phoneNumber === undefined ? user.phoneNumber : changes.phoneNumber,
    provider: changes.provider ?? user.provider,
    providerId: changes.providerId === undefined ? user.providerId : changes.providerId,
    profile: changes.profile ?? user.profile,
    isActive: changes.isActive ?? user.isActive,
    isSuspended: changes.isSuspended ?? user.isSuspended,
    isAdmin: changes.isAdmin ?? user.isAdmin,
    plan: changes.plan ?? user.plan,
    ...next,
    mailboxProvenAt: isDoubted ? null : user.mailboxProvenAt,
  };
}

type Verification = Pick<GuardedFields, 'isVerified' | 'verifiedAt'>;

function verificationAfter(present: Verification, changes: Changes<Verification>, now: Date): Verification {
  const implied = changes.verifiedAt === undefined ? present.isVerified : changes.verifiedAt !== null;
  const isVerified = changes.isVerified ?? implied;
  return { isVerified, verifiedAt: isVerified ? (changes.verifiedAt ?? present.verifiedAt ?? now) : null };
}
