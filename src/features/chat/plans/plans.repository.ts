import type { Database, Sql } from '../../../ports/database.js';

/** A user's present usage, for comparison with a plan's limits. */
export interface Holdings {
  readonly plan: string;
  readonly conversations: number;
  /** Uploaded files, including uploads in progress. */
  readonly files: number;
  readonly messagesToday: number;
  readonly tokensToday: number;
}

const HOLDINGS = `users.plan,
  coalesce((SELECT total.count FROM conversation_totals total WHERE total.user_id = users.id), 0) AS conversations,
  (SELECT count(*)::int FROM uploads WHERE user_id = users.id AND status <> 'DELETING') AS files,
  coalesce(usage.message_count, 0) AS "messagesToday",
  coalesce(usage.token_count, 0) AS "tokensToday"
  FROM users LEFT JOIN usage_daily AS usage
    ON usage.user_id = users.id AND usage.date = (now() AT TIME ZONE 'utc')::date`;

/** The holdings of a user, and when the day ends that they are of. */
export interface HoldingsToday extends Holdings {
  readonly userId: string;
  readonly endOfDay: Date;
}

export class PlansRepository {
  constructor(private readonly database: Database) {}

  async holdings(userIds: readonly string[]): Promise<readonly HoldingsToday[]> {
    const { rows } = await this.database.query<HoldingsToday>(
      `SELECT users.id AS "userId", ((now() AT TIME ZONE 'utc')::date + 1)::timestamp AT TIME ZONE 'utc' AS "endOfDay", ${HOLDINGS}
       WHERE users.id = ANY($1::uuid[])`,
      [userIds],
      'plan_holdings',
    );
    return rows;
  }

  /**
   * Reads the user's holdings and stores the plan that `decide` returns. Locks the user's row first, as every
   * reservation of a conversation or a file does, so that nothing can be added between the count and the change.
   * @param record records the change of plan, in the same transaction
   * @returns undefined when the user does not exist
   */
  change<Result extends { readonly plan: string }>(
    userId: string,
    decide: (holdings: Holdings) => Result,
    record: (before: Holdings, sql: Sql) => Promise<void>,
  ): Promise<Result | undefined> {
    return this.database.transaction(async (sql) => {
      const { rowCount } = await sql.query(
        `SELECT 1 FROM users WHERE id = $1 AND deleted_at IS NULL FOR NO KEY UPDATE`,
        [userId],
      );
      if (rowCount === 0) return undefined;
      await sql.query(
        `SELECT 1 FROM usage_daily WHERE user_id = $1 AND date = (now() AT TIME ZONE 'utc')::date FOR UPDATE`,
        [userId],
      );
      const { rows } = await sql.query<Holdings>(`SELECT ${HOLDINGS} WHERE users.id = $1`, [userId]);
      const [holdings] = rows;
      if (holdings === undefined) return undefined;
      const result = decide(holdings);
      if (result.plan !== holdings.plan) {
        await sql.query(`UPDATE users SET plan = $2, updated_at = now() WHERE id = $1`, [userId, result.plan]);
        await record(holdings, sql);
      }
      return result;
    });
  }
}
