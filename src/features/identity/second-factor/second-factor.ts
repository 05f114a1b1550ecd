import { Invalid, Unauthenticated } from '../../../kernel/errors.js';

/** Maximum characters of a code as it was sent; comparing finds out the rest. */
export const MAX_CODE_LENGTH = 64;
/** Lifetime of an enrolment without its first code. */
export const ENROLMENT_MINUTES = 15;
/** Lifetime of a login that waits for its second factor. */
export const CHALLENGE_MINUTES = 5;
/** Codes that may be tried for one login, and for one enrolment. */
export const MAX_TRIES = 5;

/**
 * After `failures` wrong codes of an app in a row, over any number of logins, codes are refused: for `firstMinutes`, then twice
 * as long each time, up to `maxMinutes`. Three of a million codes are good at a time (a time step to either
 * side), so that someone who knows the password and never stops guessing comes to one chance in sixty thousand a day.
 */
export const BLOCK = { failures: 5, firstMinutes: 15, maxMinutes: 24 * 60 } as const;

/** Kinds of second factor: a code of the authenticator app, or a recovery code. */
export type SecondFactorMethod = 'TOTP' | 'RECOVERY_CODE';

/** A user's second factor as its user sees it. */
export interface SecondFactorStatus {
  readonly isEnabled: boolean;
  /** Null when it is off. */
  readonly enabledAt: Date | null;
  readonly recoveryCodesLeft: number;
}

/** The data with which a client finishes a login that waits for its second factor. */
export interface OpenChallenge {
  /** Opaque; for `completeLogin`. */
  readonly challenge: string;
  /** Seconds until the login has to begin anew. */
  readonly expiresIn: number;
  readonly methods: readonly SecondFactorMethod[];
}

/** The first factor was right, and the user has a second one. */
export class SecondFactorRequired extends Unauthenticated {
  constructor(readonly secondFactor: OpenChallenge) {
    super('Second factor required');
  }
  override get details() {
    return { secondFactor: this.secondFactor };
  }
}

/** @param field as the client called it */
export function invalidCode(field: string): Invalid {
  return new Invalid([{ field, message: 'is wrong, used or no longer good' }], 'Invalid code');
}
