import type { TestApp } from './app.js';

/** Has jobs that have failed be given up after their next try, as if ten minutes had passed. */
export async function giveUpJobs({ database }: Pick<TestApp, 'database'>): Promise<void> {
  await database.query(
    `UPDATE jobs.job SET retry_limit = retry_count, start_after = now() WHERE state = 'retry' AND name <> 'dead'`,
  );
}
