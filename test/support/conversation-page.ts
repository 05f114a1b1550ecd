import { expect } from '@jest/globals';
import { ConversationsRepository } from '../../src/features/chat/conversations/conversations.repository.js';
import { NEWEST_FIRST } from '../../src/features/chat/conversations/conversation.js';
import { MessagesRepository } from '../../src/features/chat/messages/messages.repository.js';
import { newId } from '../../src/kernel/ids.js';
import type { Database } from '../../src/ports/database.js';
import type { TestDatabase } from './database.js';

/** A plan node in the output of `EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON)`. */
interface PlanNode {
  readonly 'Relation Name'?: string;
  readonly 'Actual Rows': number;
  readonly 'Actual Loops': number;
  readonly 'Rows Removed by Filter'?: number;
  readonly 'Shared Hit Blocks': number;
  readonly 'Shared Read Blocks': number;
  readonly Plans?: readonly PlanNode[];
}

export interface PageCost {
  readonly statements: number;
  /** Rows of tables that were read, those that a filter dropped included. */
  readonly rows: number;
  /** Pages of tables and indexes that were looked at, each as often as it was. */
  readonly pages: number;
  /** The median of many reads, for whoever looks at it: nothing is decided by it. */
  readonly milliseconds: number;
}

const CONVERSATIONS = 50;
/** Messages that one statement adds. */
const PART = 50_000;
const RUNS = 100;

/** A user with 50 conversations that share `messages` messages, every second one of the model's. */
async function addTalker(database: Database, messages: number): Promise<string> {
  const userId = newId();
  await database.query(`INSERT INTO users (id, provider, password_hash, plan) VALUES ($1, 'local', '-', 'free')`, [
    userId,
  ]);
  await database.query(
    `INSERT INTO conversations (id, user_id, title)
     SELECT ('01900000-0000-7000-8000-' || lpad(n::text, 12, '0'))::uuid, $1, 'talk ' || n FROM generate_series(1, $2::int) n`,
    [userId, CONVERSATIONS],
  );
  const each = messages / CONVERSATIONS;
  // A part at a time, each within the time that a statement may take.
  const step = Math.max(1, Math.floor(PART / CONVERSATIONS));
  for (let from = 0; from < each; from += step) {
    await database.query(
      `INSERT INTO messages (id, conversation_id, parent_id, position, user_id, content, message_type)
       SELECT message_id(place), c.id, CASE place WHEN 0 THEN c.id ELSE message_id(place - 1) END, place,
         CASE place % 2 WHEN 0 THEN c.user_id END, '{}', CASE place % 2 WHEN 0 THEN 'user' ELSE 'ai' END
       FROM conversations c CROSS JOIN generate_series($2::int, $3::int) AS place WHERE c.user_id = $1`.replaceAll(
        /message_id\(([^)]*)\)/g,
        `('01900001-' || lpad(to_hex($1), 4, '0') || right(c.id::text, 23))::uuid`,
      ),
      [userId, from, Math.min(from + step, each) - 1],
    );
  }
  // Each part has changed the counts of the conversations: without what that left, their pages are those of so many rows.
  await database.query('VACUUM FULL conversations');
  await database.query('ANALYZE');
  return userId;
}

/** What a page of the user's conversations costs with the last message and the counts of each. */
async function costOfPage(database: Database, userId: string): Promise<PageCost> {
  const plans: PlanNode[] = [];
  const query: Database['query'] = async (text, values) => {
    const { rows } = await database.query<{ 'QUERY PLAN': readonly [{ readonly Plan: PlanNode }] }>(
      `EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) ${text}`,
      values,
    );
    for (const row of rows) plans.push(row['QUERY PLAN'][0].Plan);
    return database.query(text, values);
  };
  const spied = new Proxy(database, {
    get: (target, name): unknown => (name === 'query' ? query : Reflect.get(target, name)),
  });
  await readPage(spied, userId);
  return {
    statements: plans.length,
    rows: plans.reduce((sum, plan) => sum + rowsIn(plan), 0),
    pages: plans.reduce((sum, plan) => sum + plan['Shared Hit Blocks'] + plan['Shared Read Blocks'], 0),
    milliseconds: await medianOf(() => readPage(database, userId)),
  };
}

async function readPage(database: Database, userId: string): Promise<void> {
  const request = { size: CONVERSATIONS, forward: true, after: null, before: null, offset: 0, isCounted: false };
  const [page] = await new ConversationsRepository(database).pages([userId], {}, request, NEWEST_FIRST);
  const ids = page?.rows.map(({ id }) => id) ?? [];
  const last = await new MessagesRepository(database).leaves(ids);
  if (last.size !== CONVERSATIONS) throw new Error(`the page has ${last.size} last messages`);
}

async function medianOf(work: () => Promise<void>): Promise<number> {
  const times: number[] = [];
  for (let run = 0; run < RUNS; run += 1) {
    const start = performance.now();
    await work();
    times.push(performance.now() - start);
  }
  return times.sort((one, other) => one - other)[RUNS / 2] ?? 0;
}

function rowsIn(node: PlanNode): number {
  const own =
    node['Relation Name'] === undefined
      ? 0
      : (node['Actual Rows'] + (node['Rows Removed by Filter'] ?? 0)) * node['Actual Loops'];
  return (node.Plans ?? []).reduce((sum, child) => sum + rowsIn(child), own);
}

/** The cost of a page among so many messages, in a database of its own. */
export async function costAmong(open: () => Promise<TestDatabase>, messages: number): Promise<PageCost> {
  const database = await open();
  try {
    return await costOfPage(database, await addTalker(database, messages));
  } finally {
    await database.drop();
  }
}

/**
 * What holds however many messages there are: the same statements and the same rows. Where the index of the branches has a level
 * more, each conversation's last message costs one page more.
 */
export function expectAsCheap(large: PageCost, small: PageCost, moreLevels: number): void {
  expect(large).toMatchObject({ statements: small.statements, rows: small.rows });
  expect(large.pages).toBeLessThanOrEqual(small.pages + moreLevels * CONVERSATIONS + 2);
}
