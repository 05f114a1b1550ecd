import { Invalid, Unauthenticated } from '../../../kernel/errors.js';
import { MAX_PROOF_LENGTH } from '../accounts/accounts.rules.js';

/** Maximum characters of a code as sent; the comparison finds any other fault. */
export const MAX_CODE_LENGTH = MAX_PROOF_LENGTH;
/** Lifetime of an enrolment that is not confirmed by a code. */
export const ENROLMENT_MINUTES = 15;
/** Lifetime of a login that is waiting for its second factor. */
export const CHALLENGE_MINUTES = 5;
/** Maximum attempts with codes per login, and per enrolment. */
export const MAX_TRIES = 5;

/**
 * After `failures` wrong codes of the app in a row, over any number of logins, codes are blocked: first for
 * `firstMinutes`, then for twice as long each time, up to `maxMinutes`. Three of a million codes are valid at any time
 * (one time step to either side), so an attacker who knows the password and never stops guessing has a chance of 1 in
 * 60,000 per day.
 */
export const BLOCK = { failures: 5, firstMinutes: 15, maxMinutes: 24 * 60 } as const;

/** Kinds of second factor: a code of the authenticator app, or a recovery code. */
export type SecondFactorMethod = 'TOTP' | 'RECOVERY_CODE';

/** A user's second factor, as shown to that user. */
export interface SecondFactorStatus {
  readonly isEnabled: boolean;
  /** Null when it is not enabled. */
  readonly enabledAt: Date | null;
  readonly recoveryCodesLeft: number;
}

/** The data with which a client completes a login that is waiting for its second factor. */
export interface OpenChallenge {
  /** Opaque; to be sent to `completeLogin`. */
  readonly challenge: string;
  /** Seconds until the challenge expires and the login has to start again. */
  readonly expiresIn: number;
  readonly methods: readonly SecondFactorMethod[];
}

/** The first factor was right, and the user has a second one, which is still required. */
export class SecondFactorRequired extends Unauthenticated {
  constructor(readonly secondFactor: OpenChallenge) {
    super('Second factor required');
  }
  override get details() {
    return { secondFactor: this.secondFactor };
  }
}

/** What a missing code is answered with. */
export const CODE_REQUIRED = 'is required while the second factor is on';

/** @param field name of the argument that had the code */
export function invalidCode(field: string): Invalid {
  return new Invalid([{ field, message: 'is wrong, used or no longer good' }], 'Invalid code');
}
