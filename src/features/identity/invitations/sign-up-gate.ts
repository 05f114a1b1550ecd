import type { Client } from '../../../kernel/caller.js';
import { clientNetwork } from '../../../kernel/client-network.js';
import type { Clock } from '../../../kernel/clock.js';
import { Forbidden, Invalid } from '../../../kernel/errors.js';
import { sha256 } from '../../../kernel/token.js';
import type { RateLimiter } from '../../../ports/rate-limiter.js';
import type { AccountPlans } from '../accounts/accounts.service.js';
import { isSameMailbox } from '../accounts/email-address.js';
import type { Admission, SignUpRequest, SignUps } from '../accounts/sign-ups.js';
import type { InvitationRow, SignUpMode } from './invitation.js';
import type { InvitationsRepository } from './invitations.repository.js';

const SIGN_UP_CLOSED = 'Sign-up is closed';
const INVITATION_NEEDED = 'Sign-up needs an invitation';
const INVALID_INVITATION = 'Invalid invitation';

export interface SignUpGateNeeds {
  readonly mode: SignUpMode;
  readonly repository: Pick<InvitationsRepository, 'findGood' | 'findGoodFor' | 'use'>;
  readonly plans: Pick<AccountPlans, 'isPlan'>;
  /** Limits sign-ups per client. Throws RateLimited. */
  readonly limiter: RateLimiter;
  readonly clock: Clock;
}

/**
 * Decides who may sign up. An invitation that is sent has to be good also where none is needed, since it may be for another
 * plan. Someone whom a login provider vouches for sends none: an invitation bound to their verified address is theirs.
 */
export class SignUpGate implements SignUps {
  constructor(private readonly needs: SignUpGateNeeds) {}

  async admit(request: SignUpRequest, client: Client | null): Promise<Admission> {
    const { mode, limiter, plans } = this.needs;
    if (mode === 'off') throw new Forbidden(SIGN_UP_CLOSED);
    if (mode === 'invite' && request.invitation === null && !request.isEmailVerified) {
      throw new Forbidden(INVITATION_NEEDED);
    }
    const address = client?.ipAddress ?? null;
    await limiter(address === null ? 'unknown' : clientNetwork(address));
    const invitation = await this.#invitationOf(request);
    if (invitation === null) {
      if (mode === 'invite') throw new Forbidden(INVITATION_NEEDED);
      return { plan: null, use: () => Promise.resolve({}) };
    }
    const { id, plan } = invitation;
    return {
      // A plan that is gone from the settings since must not keep anyone out.
      plan: plan !== null && plans.isPlan(plan) ? plan : null,
      use: async (sql) => {
        if (!(await this.needs.repository.use(sql, id, this.needs.clock.now()))) throw invalidInvitation();
        return { invitationId: id };
      },
    };
  }

  async #invitationOf({ email, isEmailVerified, invitation }: SignUpRequest): Promise<InvitationRow | null> {
    const { repository, clock } = this.needs;
    const isFor = (row: InvitationRow) => row.email === null || isSameMailbox(row.email, email);
    if (invitation !== null) {
      const row = await repository.findGood(sha256(invitation.trim()), clock.now());
      if (row === null || !isFor(row)) throw invalidInvitation();
      return row;
    }
    if (email === null || !isEmailVerified) return null;
    return (await repository.findGoodFor(email, clock.now())).find(isFor) ?? null;
  }
}

function invalidInvitation(): Invalid {
  const message = 'is unknown, used up or no longer good, or for another e-mail address';
  return new Invalid([{ field: 'input.invitation', message }], INVALID_INVITATION);
}
