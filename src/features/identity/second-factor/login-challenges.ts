import type { Client } from '../../../kernel/caller.js';
import { minutesFrom, type Clock } from '../../../kernel/clock.js';
import { Unauthenticated } from '../../../kernel/errors.js';
import { isToken, newToken, sha256 } from '../../../kernel/token.js';
import type { UserDirectory } from '../accounts/user-directory.js';
import type { LoginRow } from '../accounts/user.js';
import type { LoginChallengesRepository, StoredChallenge } from './login-challenges.repository.js';
import { CHALLENGE_MINUTES, SecondFactorRequired } from './second-factor.js';
import type { SecondFactorCodes } from './second-factor-codes.js';
import type { SecondFactorRepository } from './second-factor.repository.js';

export interface LoginChallengesNeeds {
  readonly repository: LoginChallengesRepository;
  readonly factors: Pick<SecondFactorRepository, 'status'>;
  readonly codes: Pick<SecondFactorCodes, 'use'>;
  readonly directory: Pick<UserDirectory, 'findLoginById'>;
  readonly clock: Clock;
}

/** Logins that are waiting for their second factor. Any instance can complete one. */
export class LoginChallenges {
  constructor(private readonly needs: LoginChallengesNeeds) {}

  /**
   * Returns if the user has no second factor.
   * @param user who has proved the first factor, with the state at that time
   * @throws SecondFactorRequired with a challenge that is valid for five minutes, one login, and the present password
   */
  async require(user: LoginRow): Promise<void> {
    const { isEnabled, recoveryCodesLeft } = await this.needs.factors.status(user.id);
    if (!isEnabled) return;
    const now = this.needs.clock.now();
    const challenge = newToken();
    await this.needs.repository.deleteDead(now);
    await this.needs.repository.insert(
      sha256(challenge),
      { userId: user.id, passwordDigest: passwordDigestOf(user), credentialsEpoch: user.credentialsEpoch },
      minutesFrom(now, CHALLENGE_MINUTES),
    );
    throw new SecondFactorRequired({
      challenge,
      expiresIn: CHALLENGE_MINUTES * 60,
      methods: recoveryCodesLeft > 0 ? ['TOTP', 'RECOVERY_CODE'] : ['TOTP'],
    });
  }

  /**
   * Completes a challenge with a code.
   * @returns the user in its present state
   * @throws Unauthenticated `Invalid challenge` when it has expired, was used or tried too often, or the password has
   * changed since, and `Invalid code`; RateLimited `Too many wrong codes`
   */
  async prove(challenge: string, code: string, client: Client): Promise<LoginRow> {
    const tokenHash = isToken(challenge) ? sha256(challenge) : null;
    const stored = tokenHash && (await this.needs.repository.countTry(tokenHash, this.needs.clock.now()));
    const user = stored && (await this.needs.directory.findLoginById(stored.userId));
    if (tokenHash === null || stored === null || user === null || !isAsBefore(user, stored)) {
      throw new Unauthenticated('Invalid challenge');
    }
    const method = await this.needs.codes.use(user.id, code, client, (sql) =>
      this.needs.repository.delete(sql, tokenHash),
    );
    if (method === null) throw new Unauthenticated('Invalid code');
    return user;
  }
}

/** A digest, so that the password hash itself is not copied to another table. */
function passwordDigestOf({ passwordHash }: LoginRow): Buffer<ArrayBuffer> | null {
  return passwordHash === null ? null : sha256(passwordHash);
}

function isAsBefore(user: LoginRow, { passwordDigest: digest, credentialsEpoch }: StoredChallenge): boolean {
  if (user.credentialsEpoch !== credentialsEpoch) return false;
  const present = passwordDigestOf(user);
  return present === null || digest === null ? present === digest : present.equals(digest);
}
