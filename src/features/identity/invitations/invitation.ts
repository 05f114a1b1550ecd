import { createHmac } from 'node:crypto';
import { derivedKey } from '../../../kernel/token.js';

export const DEFAULT_DAYS = 7;
export const MAX_DAYS = 365;
export const MAX_USES = 10_000;

/** Who may make an account without an admin making it. */
export const SIGN_UP_MODES = ['open', 'invite', 'off'] as const;
export type SignUpMode = (typeof SIGN_UP_MODES)[number];

export interface InvitationRow {
  readonly id: string;
  /** The one address that may use it; null for any. */
  readonly email: string | null;
  /** Null for the default plan. */
  readonly plan: string | null;
  readonly maxUses: number;
  readonly uses: number;
  readonly expiresAt: Date;
  readonly revokedAt: Date | null;
  readonly createdAt: Date;
}

/** An invitation with its code, which is shown once. */
export interface NewInvitationRow extends InvitationRow {
  readonly code: string;
}

/**
 * The code of an invitation: a keyed hash of its id, so that the job that mails it needs no copy, and whoever reads the database
 * or the job learns nothing. Only its SHA-256 is stored.
 */
export function codeOf(id: string, secret: string): string {
  return createHmac('sha256', derivedKey(secret, 'invitations', 32))
    .update(id)
    .digest('base64url');
}
