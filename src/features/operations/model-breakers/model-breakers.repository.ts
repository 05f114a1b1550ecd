import type { Database, Sql } from '../../../ports/database.js';

/** When breakers were closed by hand, by the database's clock: those of the instances differ. */
export class ModelBreakersRepository {
  constructor(private readonly database: Database) {}

  async recordClosing(sql: Sql, model: string): Promise<void> {
    await sql.query(
      `INSERT INTO model_breaker_closings (model, closed_at) VALUES ($1, clock_timestamp())
       ON CONFLICT (model) DO UPDATE SET closed_at = excluded.closed_at`,
      [model],
    );
  }

  /** How many milliseconds ago the breakers of these models were last closed by hand; without those that never were. */
  async agesOfClosings(models: readonly string[]): Promise<ReadonlyMap<string, number>> {
    const { rows } = await this.database.query<{ model: string; agoMs: number }>(
      `SELECT model, (extract(epoch FROM clock_timestamp() - closed_at) * 1000)::float8 AS "agoMs"
       FROM model_breaker_closings WHERE model = ANY($1::text[])`,
      [models],
    );
    return new Map(rows.map(({ model, agoMs }) => [model, agoMs]));
  }
}
