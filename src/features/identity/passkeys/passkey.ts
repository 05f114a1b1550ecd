import type { Bytes } from '../../../kernel/bytes.js';
import { Unauthenticated } from '../../../kernel/errors.js';

/** How long a browser has to answer. */
export const PASSKEY_CHALLENGE_MINUTES = 5;
/** Of one user: more are somebody trying something. */
export const MOST_PASSKEYS = 20;

/** What the browser is asked to answer for. A challenge for one is no good for the other. */
export type PasskeyPurpose = 'REGISTRATION' | 'LOGIN';

/** A passkey as its user sees it. */
export interface PasskeyRow {
  readonly id: string;
  readonly name: string;
  /** Whether the authenticator keeps copies of it elsewhere, as those of phones do. */
  readonly isBackedUp: boolean;
  readonly createdAt: Date;
  readonly lastUsedAt: Date | null;
}

/** What a login checks an answer with. */
export interface Credential {
  /** Of the passkey. */
  readonly id: string;
  readonly userId: string;
  /** As the authenticator calls it, in base64url. */
  readonly credentialId: string;
  readonly publicKey: Bytes;
  /** How often it has signed, as it last said; 0 from those that do not count. */
  readonly counter: number;
}

/** What an authenticator has made. */
export interface NewCredential extends Pick<Credential, 'credentialId' | 'publicKey' | 'counter'> {
  /** How a browser reaches the authenticator, as `internal` or `usb`. */
  readonly transports: readonly string[];
  readonly isBackedUp: boolean;
}

/** An answer to a challenge to register, as browsers make it (`PublicKeyCredential.toJSON`). */
export interface RegistrationAnswer {
  readonly id: string;
  readonly rawId: string;
  readonly type: 'public-key';
  readonly response: {
    readonly clientDataJSON: string;
    readonly attestationObject: string;
    readonly transports?: readonly string[] | undefined;
  };
}

/** An answer to a challenge to log in, likewise. */
export interface LoginAnswer {
  readonly id: string;
  readonly rawId: string;
  readonly type: 'public-key';
  readonly response: {
    readonly clientDataJSON: string;
    readonly authenticatorData: string;
    readonly signature: string;
    readonly userHandle: string;
  };
}

/**
 * What authenticators file a user's passkeys under, so that a new one replaces the old one on the same device: the bytes of
 * the user's id, which tells nobody anything but when the account was made.
 */
export function userHandleOf(userId: string): Buffer {
  return Buffer.from(userId.replaceAll('-', ''), 'hex');
}

/** One answer to whatever is wrong: which part of it is nobody's business. */
export function invalidPasskey(): Unauthenticated {
  return new Unauthenticated('Invalid passkey');
}
