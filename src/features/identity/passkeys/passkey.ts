import type { Bytes } from '../../../kernel/bytes.js';
import { Unauthenticated } from '../../../kernel/errors.js';

/** Lifetime of a challenge. */
export const PASSKEY_CHALLENGE_MINUTES = 5;
/** Maximum passkeys per user. */
export const MAX_PASSKEYS = 20;
export const MAX_NAME_LENGTH = 64;
/** Maximum bytes of a browser's answer as JSON. An answer without certificates has about 1,500. */
export const MAX_ANSWER_BYTES = 16_384;

/** Purpose of a challenge. An answer for one purpose is not accepted for the other. */
export type PasskeyPurpose = 'REGISTRATION' | 'LOGIN';

/** A passkey as its user sees it. */
export interface PasskeyRow {
  readonly id: string;
  readonly name: string;
  /** Whether the authenticator syncs copies of it to other devices, as phones do. */
  readonly isBackedUp: boolean;
  readonly createdAt: Date;
  readonly lastUsedAt: Date | null;
}

/** The stored key that a login's answer is checked with. */
export interface Credential {
  /** The passkey's id. */
  readonly id: string;
  readonly userId: string;
  /** The id that the authenticator gave it, in base64url. */
  readonly credentialId: string;
  readonly publicKey: Bytes;
  /** The authenticator's signature counter; 0 when the authenticator does not count. */
  readonly counter: number;
}

/** A passkey that an authenticator has just created. */
export interface NewCredential extends Pick<Credential, 'credentialId' | 'publicKey' | 'counter'> {
  /** Transports by which a browser reaches the authenticator, such as `internal` or `usb`. */
  readonly transports: readonly string[];
  readonly isBackedUp: boolean;
}

/** The browser's answer to a registration challenge, in the form of `PublicKeyCredential.toJSON`. */
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

/** The browser's answer to a login challenge, in the same form. */
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
 * The WebAuthn user handle: the bytes of the user's id. An authenticator uses it to replace the user's previous passkey
 * on the same device. It reveals nothing except when the account was created.
 */
export function userHandleOf(userId: string): Buffer {
  return Buffer.from(userId.replaceAll('-', ''), 'hex');
}

/** The same error for every fault, so that an attacker does not learn which part of the answer was wrong. */
export function invalidPasskey(): Unauthenticated {
  return new Unauthenticated('Invalid passkey');
}
