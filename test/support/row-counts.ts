import type { Database } from '../../src/ports/database.js';

/** Row counts of the product's tables, to check that nothing was stored. */
export async function rowCounts(database: Pick<Database, 'query'>): Promise<Readonly<Record<string, number>>> {
  const { rows: tables } = await database.query<{ name: string }>(
    `SELECT table_name AS name FROM information_schema.tables
     WHERE table_schema = 'public' AND table_type = 'BASE TABLE' ORDER BY table_name`,
  );
  const counts: [string, number][] = [];
  for (const { name } of tables) {
    const { rows } = await database.query<{ count: number }>(`SELECT count(*)::int AS count FROM "${name}"`);
    counts.push([name, rows[0]?.count ?? 0]);
  }
  return Object.fromEntries(counts);
}
