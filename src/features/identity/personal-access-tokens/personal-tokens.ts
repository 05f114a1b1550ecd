import type { Clock } from '../../../kernel/clock.js';
import { sha256 } from '../../../kernel/token.js';
import type { Database, Sql } from '../../../ports/database.js';
import type { TokenHolders, TokenState } from '../sessions/token-holders.js';
import { PersonalTokensRepository } from './personal-tokens.repository.js';
import { isTokenText, looksPersonal } from './token-text.js';

/** A token's latest use is noted this exactly, so that a busy one is not a write for each request. */
const USE_NOTED_EVERY_MS = 60_000;

interface PersonalTokensNeeds {
  readonly repository: PersonalTokensRepository;
  readonly clock: Clock;
}

class PersonalTokens implements TokenHolders {
  readonly looksPersonal = looksPersonal;

  constructor(private readonly needs: PersonalTokensNeeds) {}

  async verify(text: string): Promise<TokenState | null> {
    if (!isTokenText(text)) return null;
    const { repository, clock } = this.needs;
    const state = await repository.findState(sha256(text));
    const now = clock.now();
    return state !== null && state.expiresAt > now ? state : null;
  }

  async markUsed({ tokenId, lastUsedAt }: TokenState): Promise<void> {
    const now = this.needs.clock.now();
    const since = new Date(now.getTime() - USE_NOTED_EVERY_MS);
    if (lastUsedAt === null || lastUsedAt <= since) await this.needs.repository.markUsed(tokenId, now, since);
  }

  findEnded(ids: readonly string[], now: Date): Promise<readonly string[]> {
    return this.needs.repository.findEnded(ids, now);
  }

  endAllOf(sql: Sql, userId: string): Promise<void> {
    return this.needs.repository.deleteAllOf(sql, userId);
  }
}

/** What sessions ask of personal access tokens. */
export function personalTokens({
  database,
  clock,
}: {
  readonly database: Database;
  readonly clock: Clock;
}): TokenHolders {
  return new PersonalTokens({ repository: new PersonalTokensRepository(database), clock });
}
