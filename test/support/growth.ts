import { expect } from '@jest/globals';
import pg from 'pg';
import { newId } from '../../src/kernel/ids.js';
import type { PageRequest } from '../../src/kernel/page.js';
import type { Database } from '../../src/ports/database.js';
import type { TestDatabase } from './database.js';

/** A plan node in the output of `EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON)`. */
interface PlanNode {
  readonly 'Relation Name'?: string;
  readonly 'Actual Rows': number;
  readonly 'Actual Loops': number;
  readonly 'Rows Removed by Filter'?: number;
  readonly 'Rows Removed by Index Recheck'?: number;
  readonly 'Shared Hit Blocks': number;
  readonly 'Shared Read Blocks': number;
  readonly Plans?: readonly PlanNode[];
}

/** What a statement took. */
interface Reading {
  readonly text: string;
  readonly given: number;
  /** Rows of tables that were read, those that a filter dropped included; without what functions of the database read. */
  readonly rows: number;
  /** Pages of tables and indexes that were looked at, each as often as it was, in functions too. */
  readonly pages: number;
}

/** A place in a list with so many messages. */
export interface World {
  readonly database: TestDatabase;
  readonly messages: number;
  /** Has most of the messages, an entry of usage for each, and an event of the audit log for each. */
  readonly reader: string;
  /** Has few messages, of which none is in a conversation of the reader's. */
  readonly stranger: string;
  /** A conversation with most of the reader's messages. */
  readonly long: string;
  /**
   * Has a tenth as many conversations as there are messages, all of them empty: every tenth is archived, two are pinned, and the first
   * and the last 30 are labelled 'seldom'.
   */
  readonly keeper: string;
  /** Has as many conversations, of which all are archived but the last 30. */
  readonly archivist: string;
  /** How many conversations the keeper has. */
  readonly kept: number;
  /** The id of the keeper's conversation in the middle. */
  readonly keptMiddle: string;
  readonly keptMiddleTime: Date;
  /** The reader's other conversations. */
  readonly talks: readonly string[];
  /** The id of the message in the middle of the long conversation, and of rows of other lists in their middle. */
  readonly middle: string;
  /** How many messages the long conversation has. */
  readonly length: number;
}

/** A read of a list, a search or a count. */
export interface GrowingRead {
  /** The repository and its method. */
  readonly of: string;
  readonly name: string;
  /**
   * What it may cost: `flat` is what it costs among 1,000; `bounded` a number of pages, and of rows, whatever it costs among 1,000;
   * `counted` what it is for each row that it counts or goes through.
   */
  readonly cost: { readonly bounded: number | ((world: World) => number) } | 'counted' | 'flat';
  /** Lists that it reads one page of each of, or keys that it looks for. Each is found through an index, which has a level more where there is more. */
  readonly lists?: number;
  /** It has the server make its plan for the values at hand. */
  readonly isPlannedAnew?: boolean;
  read(world: World): Promise<unknown>;
}

const TALKS = 50;
/** Conversations of the keeper that are unread, in any world, in the middle of the list. */
const UNREAD = 40;
/** Rows that one statement adds. */
const PART = 20_000;
const idOf = (table: string, place: string) =>
  `('0190000${table}-' || lpad(to_hex((${place}) / 65536), 4, '0') || '-7000-8000-' || lpad(to_hex((${place}) % 65536), 12, '0'))::uuid`;
const id = (table: string, place: number) =>
  `0190000${table}-${Math.floor(place / 65536)
    .toString(16)
    .padStart(4, '0')}-7000-8000-${(place % 65536).toString(16).padStart(12, '0')}`;

/** Three fifths of the messages are in one conversation of the reader, a fifth in 50 others, a fifth are of strangers. */
export async function worldOf(database: TestDatabase, messages: number): Promise<World> {
  const reader = newId();
  const keeper = newId();
  const archivist = newId();
  const kept = messages / 10;
  const long = newId();
  const length = (messages / 5) * 3;
  const strangers = messages / 50;
  const fill = async (count: number, statement: string, ...values: unknown[]) => {
    for (let from = 0; from < count; from += PART) {
      const until = Math.min(from + PART, count) - 1;
      await database.query(statement.replaceAll('PLACES', `generate_series(${from}, ${until}) AS place`), values);
    }
  };
  await database.query(
    `INSERT INTO users (id, email, provider, plan)
     VALUES ($1, 'reader@example.com', 'local', 'free'), ($2, 'keeper@example.com', 'local', 'free'),
       ($3, 'archivist@example.com', 'local', 'free')`,
    [reader, keeper, archivist],
  );
  await fill(
    strangers,
    `INSERT INTO users (id, email, provider, plan) SELECT ${idOf('1', 'place')}, 'user' || place || '@example.com', 'local', 'free' FROM PLACES`,
  );
  await database.query('INSERT INTO conversations (id, user_id, title) VALUES ($1, $2, $3)', [long, reader, 'long']);
  await fill(
    TALKS,
    `INSERT INTO conversations (id, user_id, title) SELECT ${idOf('2', 'place')}, $1, 'talk ' || place FROM PLACES`,
    reader,
  );
  await fill(
    strangers,
    `INSERT INTO conversations (id, user_id, title) SELECT ${idOf('3', 'place')}, ${idOf('1', 'place')}, 'talk' FROM PLACES`,
  );
  await fill(
    kept,
    `INSERT INTO conversations (id, user_id, title, is_archived, is_pinned, label, unread_count, updated_at)
     SELECT ${idOf('b', 'place')}, $1, 'kept ' || place, place % 10 = 0, place IN (3, $2::int - 4),
       CASE WHEN least(place, $2::int - 1 - place) < 30 THEN 'seldom' END, (abs(place - $2::int / 2) <= ${UNREAD / 2})::int,
       timestamptz '2026-02-01Z' - place * interval '1 minute' FROM PLACES`,
    keeper,
    kept,
  );
  await fill(
    kept,
    `INSERT INTO conversations (id, user_id, title, is_archived) SELECT ${idOf('c', 'place')}, $1, 'put away', place < $2::int - 30 FROM PLACES`,
    archivist,
    kept,
  );
  const columns = 'id, conversation_id, owner_id, parent_id, position, user_id, content, message_type';
  const content = (word: string) => `jsonb_build_object('text', '${word} ' || place)`;
  await withoutTriggers(database, async () => {
    await fill(
      length,
      `INSERT INTO messages (${columns}) SELECT ${idOf('4', 'place')}, $1, $2::uuid,
         CASE place WHEN 0 THEN $1 ELSE ${idOf('4', 'place - 1')} END, place, CASE place % 2 WHEN 0 THEN $2::uuid END,
         ${content('holiday')}, CASE place % 2 WHEN 0 THEN 'user' ELSE 'ai' END FROM PLACES`,
      long,
      reader,
    );
    const among = (table: string, conversations: number, owner: string) => `INSERT INTO messages (${columns})
      SELECT ${idOf(table, 'place')}, ${idOf(table === '5' ? '2' : '3', `place % ${conversations}`)}, ${owner},
        CASE WHEN place < ${conversations} THEN ${idOf(table === '5' ? '2' : '3', 'place')} ELSE ${idOf(table, `place - ${conversations}`)} END,
        place / ${conversations}, NULL, ${content('weather')}, 'ai' FROM PLACES`;
    await fill(messages / 5, among('5', TALKS, '$1::uuid'), reader);
    await fill(messages / 5, among('6', strangers, idOf('1', `place % ${strangers}`)));
    await fill(
      messages,
      `INSERT INTO usage_entries (id, user_id, date, kind, reserved_tokens, tokens, settled_at)
       SELECT ${idOf('7', 'place')}, $1, '2026-01-01', 'MESSAGE', 1, 1, now() FROM PLACES`,
      reader,
    );
    await fill(
      messages,
      `INSERT INTO audit_events (id, action, actor_id, subject_id, created_at)
       SELECT ${idOf('8', 'place')}, (CASE place % 100 WHEN 0 THEN 'LOGIN' ELSE 'TOOL_CALLED' END)::"AuditAction", $1::uuid, $1::uuid, now() FROM PLACES`,
      reader,
    );
    await fill(
      messages / 10,
      `INSERT INTO feed_events (feed_id, sequence, event, created_at) SELECT $1, place, '{}', now() FROM PLACES`,
      long,
    );
    await fill(
      messages / 100,
      `INSERT INTO invitations (id, code_hash, max_uses, expires_at, created_at)
       SELECT ${idOf('9', 'place')}, int4send(place), 1, now(), now() FROM PLACES`,
    );
    await fill(
      messages / 100,
      `INSERT INTO uploads (id, user_id, access_key, filename, content_type, size, status)
       SELECT ${idOf('a', 'place')}, $1, 'key' || place, 'file', 'text/plain', 1, 'STORED' FROM PLACES`,
      reader,
    );
  });
  await database.query(
    `UPDATE conversations c SET message_count = talk.count, total_count = talk.count
     FROM (SELECT conversation_id AS id, count(*) AS count FROM messages GROUP BY 1) AS talk WHERE talk.id = c.id`,
  );
  // In both worlds, what is in one list lies together: how much is read is compared, not where it happens to lie.
  await database.query('CLUSTER conversations USING conversations_pkey');
  await database.query('VACUUM (ANALYZE)');
  return {
    database,
    messages,
    reader,
    stranger: id('1', 3),
    long,
    length,
    keeper,
    archivist,
    kept,
    keptMiddle: id('b', kept / 2),
    keptMiddleTime: new Date(Date.UTC(2026, 1, 1) - (kept / 2) * 60_000),
    talks: Array.from({ length: TALKS }, (_, place) => id('2', place)),
    middle: id('4', length / 2),
  };
}

/** The id of the row in the middle of a list. */
export const middleOf = {
  usage: (count: number) => id('7', count / 2),
  audit: (count: number) => id('8', count / 2),
  /** `count` is the number of messages, as above. */
  users: (count: number) => id('1', count / 100),
  uploads: (count: number) => id('a', count / 200),
  messages: (place: number) => id('4', place),
};

/** Rows are added as they are: their counts are set afterwards. */
async function withoutTriggers(database: Database, work: () => Promise<void>): Promise<void> {
  const tables = ['messages', 'usage_entries', 'audit_events', 'uploads'];
  for (const table of tables) await database.query(`ALTER TABLE ${table} DISABLE TRIGGER ALL`);
  await work();
  for (const table of tables) await database.query(`ALTER TABLE ${table} ENABLE TRIGGER ALL`);
}

/**
 * What the statements of `read` take when they run by plans that are made for any values.
 * @param isPlannedAnew for statements whose plans are made for the values at hand
 */
async function readingsOf(
  database: Database,
  read: () => Promise<unknown>,
  isPlannedAnew: boolean,
): Promise<readonly Reading[]> {
  const readings: Reading[] = [];
  for (const statement of await statementsOf(read))
    readings.push(await explain(database, statement, isPlannedAnew ? 'force_custom_plan' : 'force_generic_plan'));
  return readings;
}

interface Statement {
  readonly text: string;
  readonly values: readonly unknown[];
}

/** The statements that are sent to the database meanwhile, by SQL or by Prisma. */
export async function statementsOf(read: () => Promise<unknown>): Promise<readonly Statement[]> {
  const sent: Statement[] = [];
  const { query } = pg.Client.prototype;
  const spy = function (this: pg.Client, ...sentNow: unknown[]) {
    const [config] = sentNow as [Partial<Statement> | string];
    if (
      typeof config === 'object' &&
      config.text !== undefined &&
      !/^(BEGIN|COMMIT|ROLLBACK|SET LOCAL)/.test(config.text)
    ) {
      sent.push({ text: config.text, values: config.values ?? [] });
    }
    return Reflect.apply(query, this, sentNow) as unknown;
  };
  pg.Client.prototype.query = spy as typeof query;
  try {
    await read();
  } finally {
    pg.Client.prototype.query = query;
  }
  return sent;
}

async function explain(database: Database, { text, values }: Statement, mode: string): Promise<Reading> {
  const execute = values.length === 0 ? 'EXECUTE measured' : `EXECUTE measured(${values.map(literal).join(', ')})`;
  const explained = `EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) ${execute}`;
  // The second time, since the first one also reads what the server remembers of the tables.
  const { rows } = await database.query<{ 'QUERY PLAN': readonly [{ readonly Plan: PlanNode }] }>(
    `SET plan_cache_mode = ${mode}; PREPARE measured AS ${text}; ${explained}; ${explained}; DEALLOCATE measured;
     RESET plan_cache_mode`,
  );
  const plan = rows.at(-1)?.['QUERY PLAN'][0].Plan;
  if (plan === undefined) throw new Error(`no plan of ${text}`);
  return {
    text,
    given: plan['Actual Rows'],
    rows: rowsIn(plan),
    pages: plan['Shared Hit Blocks'] + plan['Shared Read Blocks'],
  };
}

function rowsIn(node: PlanNode): number {
  const dropped = (node['Rows Removed by Filter'] ?? 0) + (node['Rows Removed by Index Recheck'] ?? 0);
  const own = node['Relation Name'] === undefined ? 0 : (node['Actual Rows'] + dropped) * node['Actual Loops'];
  return (node.Plans ?? []).reduce((sum, child) => sum + rowsIn(child), own);
}

function literal(value: unknown): string {
  if (value === null || value === undefined) return 'NULL';
  return pg.escapeLiteral(textOf(value));
}

function textOf(value: unknown): string {
  if (value instanceof Date) return value.toISOString();
  if (Buffer.isBuffer(value)) return `\\x${value.toString('hex')}`;
  if (Array.isArray(value))
    return `{${value.map((item) => `"${textOf(item).replaceAll(/["\\]/g, '\\$&')}"`).join(',')}}`;
  return String(value);
}

/** A level more of an index, for the row and for what leads to it. */
const LEVELS = 4;
/** Pages of a table that is so small that it is read as a whole. */
const SMALL = 16;
/** Rows of such a table. */
const SMALL_ROWS = 500;

/** Reads in a small world and in a large one, and compares. @returns what both took */
export async function expectNoGrowth(read: GrowingRead, worlds: readonly World[]) {
  const costs = [];
  for (const world of worlds) {
    const readings = await readingsOf(world.database, () => read.read(world), read.isPlannedAnew === true);
    expect(readings.length).toBeGreaterThan(0);
    const sum = (of: (reading: Reading) => number) => readings.reduce((all, reading) => all + of(reading), 0);
    costs.push({
      messages: world.messages,
      given: sum(({ given }) => given),
      rows: sum(({ rows }) => rows),
      pages: sum(({ pages }) => pages),
    });
  }
  const [small, large] = costs;
  if (small === undefined || large === undefined) throw new Error('two worlds are compared');
  const cost = { of: read.of, name: read.name, small, large };
  const growth = large.messages / small.messages;
  const bound = boundOf(read, worlds.at(-1));
  const most =
    bound ??
    (read.cost === 'flat'
      ? 1.2 * small.pages * Math.max(1, large.given / Math.max(1, small.given)) + LEVELS * (read.lists ?? 1)
      : small.pages * growth + LEVELS);
  if (bound !== undefined && large.rows > Math.max(bound, SMALL_ROWS))
    throw new Error(`${bound} rows at most were expected: ${JSON.stringify(cost)}`);
  if (large.pages <= SMALL) return cost;
  if (large.pages > most) throw new Error(`${most} pages at most were expected: ${JSON.stringify(cost)}`);
  if (read.cost === 'flat' && large.rows > Math.max(1.2 * small.rows, large.given) + 2)
    throw new Error(`more rows were read: ${JSON.stringify(cost)}`);
  return cost;
}

function boundOf({ cost }: GrowingRead, world: World | undefined): number | undefined {
  if (!(cost instanceof Object) || world === undefined) return undefined;
  return typeof cost.bounded === 'number' ? cost.bounded : cost.bounded(world);
}

/** A page as a client asks for it. */
export function requestOf(request: Partial<PageRequest> = {}): PageRequest {
  return { size: 20, forward: true, after: null, before: null, offset: 0, isCounted: false, ...request };
}
