import type { Database } from '../../../ports/database.js';

export interface Rates {
  /** The provider's tokens for each of ours. */
  readonly prompt: number;
  readonly answer: number;
  /** Tokens that the provider adds to each prompt, such as those of a system prompt of its own. */
  readonly overhead: number;
}

/** How each model's provider counts tokens, compared with our tokenizer. */
export class TokenRatesRepository {
  constructor(private readonly database: Database) {}

  async find(model: string): Promise<Rates | null> {
    const row = await this.database.prisma.tokenRate.findUnique({ where: { model } });
    return row && { prompt: row.promptRatio, answer: row.answerRatio, overhead: row.promptOverhead };
  }

  async store(model: string, { prompt, answer, overhead }: Rates): Promise<void> {
    const rates = { promptRatio: prompt, answerRatio: answer, promptOverhead: overhead };
    await this.database.prisma.tokenRate.upsert({
      where: { model },
      create: { model, ...rates },
      update: { ...rates, updatedAt: new Date() },
    });
  }
}
