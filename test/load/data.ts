import pg from 'pg';
import { openDatabase } from '../../src/adapters/postgres/open-database.js';
import { AccessTokens } from '../../src/features/identity/sessions/access-tokens.js';
import { migrationsDirectory, silentLogger } from '../support/servers.js';

/** Signs the tokens of the seeded sessions; production refuses one that is easy to guess. */
export const SECRET_KEY = 'vN3mZ0s8qkqUu2m6lqXl4m7Yw1oE9bJcT5rHfGdAxPi=';
export const TOKEN_MINUTES = 1_440;

/** A user with a session. */
export interface Holder {
  readonly userId: string;
  readonly token: string;
  /** Their newest conversation. */
  readonly conversationId: string;
}

/** The users that calls are made by, of the thousands that a database may hold. */
export interface Cast {
  /** Has 60 conversations, the newest 20 of them with 50 messages each, whatever the size. */
  readonly reader: Holder;
  /** The reader's conversations that have messages. */
  readonly talks: readonly string[];
  /**
   * The reader and others, each with 60 conversations, of which the newest ten have six messages at least: answers that are all alike
   * would be read from the database together.
   */
  readonly readers: readonly Holder[];
  /** Has one conversation with a twentieth of all messages, and a hundredth of that number of conversations; see {@link keptBy}. */
  readonly keeper: Holder;
  /** 64 users with a conversation that begins empty: one user's messages wait for each other. */
  readonly writers: readonly Holder[];
}

const WRITERS = 64;
const OTHER_READERS = 7;

/** What the keeper has in a database of so many messages. */
const keptBy = (size: number) => ({
  messages: Math.max(100, size / 20),
  conversations: Math.max(100, size / 100),
});

/** Users by number: the reader is 1, other users follow, and these. */
const KEEPER = 50_000;
const FIRST_READER = KEEPER + 1;
const FIRST_WRITER = 100_001;

/** Ids as the service makes them (UUIDv7), of a kind of row, a number and a time, so that rows can name each other. */
const ID = `CREATE FUNCTION pg_temp.id(kind int, number bigint, made timestamptz) RETURNS uuid LANGUAGE sql IMMUTABLE AS $$
  SELECT (lpad(to_hex((extract(epoch FROM made) * 1000)::bigint), 12, '0') || '7' || lpad(to_hex(kind), 3, '0') || '8'
    || lpad(to_hex(number), 15, '0'))::uuid $$`;

const seed = (size: number): readonly string[] => [
  ID,
  `CREATE TEMPORARY TABLE people ON COMMIT DROP AS
   SELECT number::bigint, timestamptz '2026-01-01Z' + number * interval '1 second' AS made FROM (
     SELECT generate_series(1, greatest(1, ${size} / 1000)) UNION ALL SELECT generate_series(${KEEPER}, ${KEEPER + OTHER_READERS})
     UNION ALL SELECT generate_series(${FIRST_WRITER}, ${FIRST_WRITER + WRITERS - 1})
   ) AS all_of_them (number)`,
  `INSERT INTO users (id, email, phone_number, provider, profile, plan, is_verified, verified_at, last_login, created_at, updated_at)
   SELECT pg_temp.id(1, number, made), 'user' || number || '@example.com', '+4930' || (1000000 + number), 'local',
     jsonb_build_object('name', 'User Number ' || number, 'locale', 'en'), 'free', true, made, made, made, made FROM people`,
  `INSERT INTO sessions (id, user_id, refresh_token_hash, family_hash, expires_at, created_at)
   SELECT pg_temp.id(2, number, made), pg_temp.id(1, number, made), sha256(number::text::bytea),
     sha256(('f' || number)::bytea), timestamptz '2100-01-01Z', made
   FROM people WHERE number = 1 OR number >= ${KEEPER}`,
  `CREATE TEMPORARY TABLE talks ON COMMIT DROP AS
   SELECT pg_temp.id(3, number * 100000 + talk, begun) AS id, number, talk, begun, person, messages FROM (
     SELECT number, talk, pg_temp.id(1, number, made) AS person,
       timestamptz '2026-02-01Z' + talk * interval '1 hour' + number * interval '1 second' AS begun,
       CASE WHEN number = ${KEEPER} THEN CASE WHEN talk = talks THEN ${keptBy(size).messages} ELSE 0 END
         WHEN number BETWEEN ${FIRST_READER} AND ${FIRST_WRITER - 1} THEN CASE WHEN talk > talks - 10 THEN 6 ELSE 0 END
         WHEN number >= ${FIRST_WRITER} OR talk <= talks - 20 THEN 0 ELSE 50 END AS messages
     FROM people, LATERAL (SELECT CASE WHEN number = 1 THEN 60 WHEN number = ${KEEPER} THEN ${keptBy(size).conversations}
       WHEN number >= ${FIRST_WRITER} THEN 1 WHEN number >= ${FIRST_READER} THEN 60 ELSE 20 END AS talks) AS has, generate_series(1, talks) AS talk
   ) AS planned`,
  `INSERT INTO conversations (id, user_id, title, status, created_at, updated_at, message_count, read_id)
   SELECT id, person, 'Conversation ' || talk || ' of user ' || number || ' about travel and food', 'open', begun, begun, messages,
     CASE WHEN messages > 0 THEN pg_temp.id(4, (number * 100000 + talk) * 100000 + messages, begun + messages * interval '10 seconds') END
   FROM talks`,
  `INSERT INTO conversation_totals SELECT user_id, count(*) FROM conversations GROUP BY user_id`,
  `INSERT INTO conversation_titles SELECT id, user_id, title FROM conversations`,
  `SELECT divide_conversations(user_id, '00000000-0000-0000-0000-000000000000') FROM conversation_totals`,
  `INSERT INTO messages (id, conversation_id, owner_id, user_id, content, message_type, parent_id, position, created_at, updated_at)
   SELECT pg_temp.id(4, (number * 100000 + talk) * 100000 + place, written), talks.id, person, CASE WHEN place % 2 = 1 THEN person END,
     jsonb_build_object('text', 'Message ' || place || ': where is it warm in March, and what do people eat there? '
       || md5(number || ' ' || talk || ' ' || place)),
     CASE WHEN place % 2 = 1 THEN 'user' ELSE 'ai' END,
     CASE WHEN place = 1 THEN talks.id
       ELSE pg_temp.id(4, (number * 100000 + talk) * 100000 + place - 1, written - interval '10 seconds') END,
     place - 1, written, written
   FROM talks, generate_series(1, messages) AS place, LATERAL (SELECT begun + place * interval '10 seconds' AS written) AS time`,
];

type Run = <Row extends pg.QueryResultRow>(statement: string) => Promise<readonly Row[]>;

/**
 * Fills an empty database: the service's tables, about so many messages, 1,000 to 1,000,000, and the cast. Needs a superuser:
 * the triggers that keep the tables' counts are left out, since the rows come with what those would count.
 */
export async function fillDatabase(url: string, size: number): Promise<void> {
  const database = await openDatabase({ url, dataDirectory: '', migrationsDirectory, logger: silentLogger });
  await database.close();
  const client = new pg.Client(url);
  await client.connect();
  try {
    const run: Run = async <Row extends pg.QueryResultRow>(statement: string) =>
      (await client.query<Row>(statement)).rows;
    await run('BEGIN');
    await fill(run, size);
    await run('COMMIT');
    await run('VACUUM ANALYZE');
  } finally {
    await client.end();
  }
}

/** The same for the embedded database in this folder, where nobody has it open. */
export async function fillEmbedded(dataDirectory: string, size: number): Promise<void> {
  const database = await openDatabase({ url: undefined, dataDirectory, migrationsDirectory, logger: silentLogger });
  try {
    await database.transaction((sql) => {
      return fill(async <Row>(statement: string) => (await sql.query<Row>(statement)).rows, size);
    });
    await database.query('ANALYZE');
  } finally {
    await database.close();
  }
}

async function fill(run: Run, size: number): Promise<void> {
  // Indexes that are made in the end cost a quarter of those that grow row by row.
  const indexes = await run<{ name: string; definition: string }>(
    `SELECT indexrelid::regclass::text AS name, pg_get_indexdef(indexrelid) AS definition FROM pg_index
     WHERE indrelid = 'messages'::regclass AND NOT EXISTS (SELECT 1 FROM pg_constraint WHERE conindid = indexrelid)`,
  );
  await run('SET LOCAL session_replication_role = replica');
  await run(`SET LOCAL maintenance_work_mem = '256MB'`);
  for (const { name } of indexes) await run(`DROP INDEX ${name}`);
  for (const statement of seed(size)) await run(statement);
  for (const { definition } of indexes) await run(definition);
}

/** With tokens that are signed now, and are valid for a day. */
export async function castOf(url: string): Promise<Cast> {
  const tokens = new AccessTokens({
    secrets: [SECRET_KEY],
    lifetimeMinutes: TOKEN_MINUTES,
    clock: { now: () => new Date() },
  });
  const client = new pg.Client(url);
  await client.connect();
  const talks = await client.query<{ id: string }>(
    `SELECT c.id FROM conversations c JOIN users u ON u.id = c.user_id
     WHERE u.email = 'user1@example.com' AND c.message_count > 0 ORDER BY c.id DESC`,
  );
  const { rows } = await client
    .query<{ number: number; userId: string; sessionId: string; conversationId: string }>(
      `SELECT substring(u.email FROM '\\d+')::int AS number, u.id AS "userId", s.id AS "sessionId", (
         SELECT c.id FROM conversations c WHERE c.user_id = u.id ORDER BY c.id DESC LIMIT 1) AS "conversationId"
       FROM users u JOIN sessions s ON s.user_id = u.id WHERE u.email ~ '^user\\d+@example\\.com$' ORDER BY 1`,
    )
    .finally(() => client.end());
  const holders = await Promise.all(
    rows.map(async ({ userId, sessionId, conversationId }): Promise<Holder> => {
      return { userId, conversationId, token: await tokens.issue({ userId, sessionId }) };
    }),
  );
  const [reader, keeper, ...others] = holders;
  const writers = others.slice(OTHER_READERS);
  if (reader === undefined || keeper === undefined || writers.length !== WRITERS)
    throw new Error(`${url} is not filled`);
  return {
    reader,
    talks: talks.rows.map(({ id }) => id),
    readers: [reader, ...others.slice(0, OTHER_READERS)],
    keeper,
    writers,
  };
}

/** Places near the end of what the keeper has: how many are before, and the last one of these. */
export interface DeepPlaces {
  readonly messages: number;
  readonly messageId: string;
  readonly conversations: number;
  readonly conversationId: string;
}

/** How many are behind a deep place. */
const BEHIND = 30;

export async function deepPlacesOf(url: string, size: number, { keeper }: Cast): Promise<DeepPlaces> {
  const { messages, conversations } = keptBy(size);
  const client = new pg.Client(url);
  await client.connect();
  const { rows } = await client
    .query<{ messageId: string; conversationId: string }>(
      `SELECT (SELECT id FROM messages WHERE conversation_id = $1 AND position = $2) AS "messageId", (
         SELECT id FROM conversations WHERE user_id = $3 ORDER BY id LIMIT 1 OFFSET $4) AS "conversationId"`,
      [keeper.conversationId, messages - BEHIND - 1, keeper.userId, BEHIND],
    )
    .finally(() => client.end());
  if (rows[0] === undefined) throw new Error(`${url} is not filled`);
  return { messages: messages - BEHIND, conversations: conversations - BEHIND, ...rows[0] };
}
