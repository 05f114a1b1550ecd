import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { testDatabases, type TestDatabase } from '../../../../test/support/database.js';
import { newId } from '../../../kernel/ids.js';
import type { Database } from '../../../ports/database.js';
import { MessagesRepository } from './messages.repository.js';

const STRANGERS = 20;
const MESSAGES_OF_STRANGERS = 30_000;
const OWN_MESSAGES = 200;

/** A plan node in the output of `EXPLAIN (ANALYZE, FORMAT JSON)`. */
interface PlanNode {
  readonly 'Relation Name'?: string;
  readonly 'Actual Rows': number;
  readonly 'Actual Loops': number;
  readonly 'Rows Removed by Filter'?: number;
  readonly 'Rows Removed by Index Recheck'?: number;
  readonly Plans?: readonly PlanNode[];
}

/** Counts the rows of `table` that the plan's scans read, including those that a filter then removed. */
function rowsRead(node: PlanNode, table: string): number {
  const own = node['Relation Name'] === table ? rowsOfScan(node) : 0;
  return (node.Plans ?? []).reduce((sum, child) => sum + rowsRead(child, table), own);
}

function rowsOfScan(node: PlanNode): number {
  const removed = (node['Rows Removed by Filter'] ?? 0) + (node['Rows Removed by Index Recheck'] ?? 0);
  return (node['Actual Rows'] + removed) * node['Actual Loops'];
}

/** Wraps a database so that it also collects the `EXPLAIN ANALYZE` plan of each query. */
function explaining(database: Database): { readonly database: Database; readonly plans: PlanNode[] } {
  const plans: PlanNode[] = [];
  const query: Database['query'] = async (text, values) => {
    const explained = await database.query<{ 'QUERY PLAN': readonly [{ readonly Plan: PlanNode }] }>(
      `EXPLAIN (ANALYZE, FORMAT JSON) ${text}`,
      values,
    );
    for (const row of explained.rows) plans.push(row['QUERY PLAN'][0].Plan);
    return database.query(text, values);
  };
  const spied = new Proxy(database, {
    get: (target, name): unknown => (name === 'query' ? query : Reflect.get(target, name)),
  });
  return { database: spied, plans };
}

describe.each(testDatabases())('the search among $name messages of many users', ({ open }) => {
  const owner = newId();
  let database: TestDatabase;

  beforeAll(async () => {
    database = await open();
    const addUser = (id: string) =>
      database.query(`INSERT INTO users (id, provider, password_hash, plan) VALUES ($1, 'local', '-', 'free')`, [id]);
    // Each user has one conversation, with the same id as the user.
    const talk = async (id: string, prefix: string, count: number, text: string) => {
      await database.query('INSERT INTO conversations (id, user_id) VALUES ($1, $1)', [id]);
      await database.query(
        `INSERT INTO messages (id, conversation_id, user_id, content, message_type, status)
         SELECT ($2 || lpad(number::text, 12, '0'))::uuid, $1, $1, jsonb_build_object('text', $4::text || number), 'user', 'COMPLETE'
         FROM generate_series(1, $3::int) AS number`,
        [id, prefix, count, text],
      );
    };
    // The owner's messages are the oldest: a scan backwards by id reads everyone else's first.
    await addUser(owner);
    await talk(owner, '01900000-0000-7000-8000-', OWN_MESSAGES, 'holiday ');
    for (let stranger = 0; stranger < STRANGERS; stranger += 1) {
      const id = newId();
      await addUser(id);
      const prefix = `01900000-0001-7${String(stranger).padStart(3, '0')}-8000-`;
      await talk(id, prefix, MESSAGES_OF_STRANGERS / STRANGERS, 'weather ');
    }
    await database.query('ANALYZE');
  }, 120_000);
  afterAll(() => database.drop());

  const first = { size: 20, forward: true, after: null, before: null, offset: 0 };

  it.each(['weather', 'rains', 'w', 'holiday 7', 'o'])('reads no more than the own messages for %s', async (part) => {
    const { database: spied, plans } = explaining(database);
    await new MessagesRepository(spied).search(owner, part, first);
    expect(plans).toHaveLength(1);
    for (const plan of plans) expect(rowsRead(plan, 'messages')).toBeLessThanOrEqual(OWN_MESSAGES);
  });

  it('gives the newest matches, and goes on after one', async () => {
    const messages = new MessagesRepository(database);
    const numbers = async (after: string | null) => {
      const { rows, hasNextPage } = await messages.search(owner, 'DAY 19', { ...first, size: 4, after });
      return { ids: rows.map(({ id }) => Number(id.slice(-12))), last: rows.at(-1)?.id ?? null, hasNextPage };
    };
    const page = await numbers(null);
    expect(page).toMatchObject({ ids: [199, 198, 197, 196], hasNextPage: true });
    expect(await numbers(page.last)).toMatchObject({ ids: [195, 194, 193, 192], hasNextPage: true });
    expect(await messages.countFound(owner, 'day 19')).toBe(11);
    expect(await messages.countFound(owner, 'weather')).toBe(0);
  });
});
