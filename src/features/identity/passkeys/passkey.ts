import type { Bytes } from '../../../kernel/bytes.js';
import { Unauthenticated } from '../../../kernel/errors.js';

/** Lifetime of a challenge. */
export const PASSKEY_CHALLENGE_MINUTES = 5;
/** Maximum passkeys per user. */
export const MAX_PASSKEYS = 20;
export const MAX_NAME_LENGTH = 64;
/** Maximum bytes of a browser's answer as JSON: one without certificates has some 1,500. */
export const MAX_ANSWER_BYTES = 16_384;

/** Purpose of a challenge. An answer is not accepted for the other purpose. */
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

/** The stored key that a login's answer is checked with. */
export interface Credential {
  /** The passkey's id. */
  readonly id: string;
  readonly userId: string;
  /** The authenticator's own id of it, in base64url. */
  readonly credentialId: string;
  readonly publicKey: Bytes;
  /** The authenticator's signature counter; 0 from those that do not count. */
  readonly counter: number;
}

/** A passkey that an authenticator has made. */
export interface NewCredential extends Pick<Credential, 'credentialId' | 'publicKey' | 'counter'> {
  /** Transports by which a browser reaches the authenticator, such as `internal` or `usb`. */
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
 * The bytes of the user's id, by which an authenticator replaces the user's earlier passkey on the same device. They tell
 * nothing but when the account was made.
 */
export function userHandleOf(userId: string): Buffer {
  return Buffer.from(userId.replaceAll('-', ''), 'hex');
}

/** One answer to whatever is wrong: which part of it is nobody's business. */
export function invalidPasskey(): Unauthenticated {
  return new Unauthenticated('Invalid passkey');
}
