import type { Clock } from '../../../kernel/clock.js';
import { Forbidden, Invalid, NotFound } from '../../../kernel/errors.js';
import type { Viewer } from '../../../kernel/viewer.js';
import type { RateLimiter } from '../../../ports/rate-limiter.js';
import type { UserDirectory } from '../accounts/user-directory.js';
import type { PasswordHasher } from '../accounts/password-hasher.js';
import type { SessionsService } from './sessions.service.js';

/** Maximum age of a login that replaces the password as proof, for users without a password. */
export const RECENT_LOGIN_MINUTES = 10;

export interface FreshProofNeeds {
  readonly directory: Pick<UserDirectory, 'findLoginById'>;
  readonly passwords: Pick<PasswordHasher, 'verify'>;
  readonly sessions: Pick<SessionsService, 'findVisible'>;
  /** Limits a user's password attempts, right or wrong. Throws RateLimited. */
  readonly limiter: RateLimiter;
  readonly clock: Clock;
}

/** Makes sure that a request comes from the user, and not from someone with a stolen access token. */
export class FreshProof {
  constructor(private readonly needs: FreshProofNeeds) {}

  /**
   * Requires the password, or from a user without one a login within the last {@link RECENT_LOGIN_MINUTES}.
   * @param field name of the argument that has the password
   * @throws Invalid without the right password; Forbidden `Recent login required`; RateLimited
   * `Too many login attempts`; Unavailable when too many passwords are being checked
   */
  async require(viewer: Viewer, password: string | null, field: string): Promise<void> {
    const user = await this.needs.directory.findLoginById(viewer.userId);
    if (user === null) throw new NotFound('User');
    if (user.passwordHash === null) {
      await this.#requireRecentLogin(viewer);
      return;
    }
    if (password === null) throw new Invalid([{ field, message: 'is required' }]);
    await this.needs.limiter(viewer.userId);
    const isRight = await this.needs.passwords.verify(user.passwordHash, password, {
      lane: 'change',
      whose: viewer.userId,
    });
    if (!isRight) throw new Invalid([{ field, message: 'is not your password' }]);
  }

  async #requireRecentLogin(viewer: Viewer): Promise<void> {
    const session = viewer.sessionId === null ? null : await this.needs.sessions.findVisible(viewer, viewer.sessionId);
    const since = this.needs.clock.now().getTime() - RECENT_LOGIN_MINUTES * 60_000;
    if (session === null || session.createdAt.getTime() < since) throw new Forbidden('Recent login required');
  }
}
