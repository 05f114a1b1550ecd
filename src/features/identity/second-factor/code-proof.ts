import { Invalid } from '../../../kernel/errors.js';
import type { RateLimiter } from '../../../ports/rate-limiter.js';
import type { AccountActor } from '../accounts/account-actor.js';
import type { SecondFactorProof } from '../accounts/account-notices.js';
import { CODE_REQUIRED, invalidCode } from './second-factor.js';
import type { SecondFactorCodes } from './second-factor-codes.js';
import type { SecondFactorRepository } from './second-factor.repository.js';

const FIELD = 'input.code';
const NO_CLIENT = { ipAddress: null, userAgent: null };

interface CodeProofNeeds {
  readonly repository: Pick<SecondFactorRepository, 'status'>;
  readonly codes: Pick<SecondFactorCodes, 'use'>;
  /** Limits the codes that a user's sessions try, right or wrong. */
  readonly limiter: RateLimiter;
}

/** A code as the proof that a change of one's own account needs while the second factor is on. */
export class CodeProof implements SecondFactorProof {
  constructor(private readonly needs: CodeProofNeeds) {}

  async require({ userId, client }: AccountActor, code: string | null): Promise<void> {
    if (userId === null) return;
    const { isEnabled } = await this.needs.repository.status(userId);
    if (!isEnabled) return;
    if (code === null) throw new Invalid([{ field: FIELD, message: CODE_REQUIRED }]);
    await this.needs.limiter(userId);
    const method = await this.needs.codes.use(userId, code, client ?? NO_CLIENT, () => Promise.resolve(true));
    if (method === null) throw invalidCode(FIELD);
  }
}
