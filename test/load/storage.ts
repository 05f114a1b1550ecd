import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import pg from 'pg';
import { Actor } from '../support/actor.js';
import { usageOf } from './machine.js';
import { startProduct } from './product.js';

export interface TableFigures {
  readonly rows: number;
  /** Bytes a row, with what TOAST keeps beside it. */
  readonly table: number;
  /** Bytes a row, of all its indexes. */
  readonly indexes: number;
  /** The one that takes most of that, and its bytes a row. */
  readonly largest: string;
  readonly ofLargest: number;
}

export interface StorageResult {
  /** A question and its answer each. */
  readonly exchanges: number;
  /** Characters of each. */
  readonly questionLength: number;
  readonly answerLength: number;
  readonly tables: Readonly<Record<string, TableFigures>>;
  /** Bytes of PostgreSQL's log that an exchange writes, which go to replicas and archives. */
  readonly walBytes: number;
  /** CPU of the service for an exchange, whose answer came in pieces, ten a second. */
  readonly cpuUs: number;
  /** CPU of PostgreSQL for it; NaN where that is a server that others use, too. */
  readonly databaseUs: number;
}

const QUESTION = 100;
const ANSWER = 800;
const PIECE = 20;
/** Each user asks so often, in one conversation. */
const ASKED = 20;
/** A model is slow: this is how many answers it writes at once, so that the service has something to do. */
const AT_ONCE = 40;
const PIECE_MS = 100;

/** English, of which no two messages have the same: what an index of trigrams takes depends on how words differ. */
async function prose(): Promise<(length: number) => string> {
  const docs = ['architecture', 'clients', 'operations', 'reliability', 'tests'];
  const texts = await Promise.all(
    docs.map((name) => readFile(new URL(`../../docs/${name}.md`, import.meta.url), 'utf8')),
  );
  const words = texts.join(' ').match(/[a-z]{2,}/gi) ?? [];
  let at = 0;
  return (length) => {
    let text = '';
    // A stride that has no divisor in common with most lengths: neighbours differ from time to time.
    while (text.length < length) text += `${words[(at = (at + 7_919) % words.length)] ?? ''} `;
    return text.slice(0, length);
  };
}

/** A model that writes each answer in pieces. */
async function startModel(text: (length: number) => string) {
  const chunk = (part: object) => `data: ${JSON.stringify({ id: 'c', object: 'chat.completion.chunk', ...part })}\n\n`;
  const answer = (response: ServerResponse) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    const said = text(ANSWER);
    let at = 0;
    const timer = setInterval(() => {
      if (at < said.length) {
        response.write(chunk({ choices: [{ index: 0, delta: { content: said.slice(at, (at += PIECE)) } }] }));
        return;
      }
      clearInterval(timer);
      const usage = { prompt_tokens: 100, completion_tokens: 200, total_tokens: 300 };
      response.write(chunk({ choices: [{ index: 0, delta: {}, finish_reason: 'stop' }] }));
      response.end(`${chunk({ choices: [], usage })}data: [DONE]\n\n`);
    }, PIECE_MS);
  };
  const server = createServer((request, response) => {
    request.resume().once('end', () => {
      answer(response);
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`,
    close: () => {
      server.closeAllConnections();
      server.close();
    },
  };
}

const ASK = `mutation ($input: CreateMessageInput!) { createMessage(input: $input) { reply { id } } }`;
const FOLLOW = 'subscription ($id: ID!) { reply(messageId: $id) { __typename } }';

/** What users, conversations and messages take in a database, by having the service store them. */
export async function measureStorageOf(
  databaseUrl: string,
  exchanges: number,
  databaseCpuMs: () => Promise<number>,
): Promise<StorageResult> {
  const text = await prose();
  const model = await startModel(text);
  const product = await startProduct({
    databaseUrl,
    environment: { OPENAI_BASE_URL: model.url, RATE_LIMIT_LOGIN: '999999/1', RATE_LIMIT_LOGIN_CLIENT: '999999/1' },
  });
  const client = new pg.Client(databaseUrl);
  await client.connect();
  try {
    const people: Actor[] = [];
    for (let count = 0; count < exchanges / ASKED; count++) {
      const person = new Actor(product.url);
      await person.createUser();
      await person.login();
      people.push(person);
    }
    const converse = async (person: Actor) => {
      const conversationId = await person.createConversation('About travel and food');
      for (let count = 0; count < ASKED; count++) {
        const input = { conversationId, content: { text: text(QUESTION) }, messageType: 'user', invokeLlm: true };
        const { createMessage } = await person.ask<{ createMessage: { reply: { id: string } } }>(ASK, { input });
        const events = person.eventStream(FOLLOW, { id: createMessage.reply.id });
        for await (const { errors } of events) if (errors !== undefined) throw new Error(JSON.stringify(errors));
      }
    };
    const { rows: before } = await client.query<{ lsn: string }>('SELECT pg_current_wal_insert_lsn() AS lsn');
    const spent = async () => ({ service: (await usageOf(product.pid)).cpuMs, database: await databaseCpuMs() });
    const cpuBefore = await spent();
    const waiting = people.values();
    await Promise.all(
      Array.from({ length: AT_ONCE }, async () => {
        for (const person of waiting) await converse(person);
      }),
    );
    const cpuAfter = await spent();
    const { rows: wal } = await client.query<{ bytes: string }>(
      'SELECT pg_wal_lsn_diff(pg_current_wal_insert_lsn(), $1::pg_lsn) AS bytes',
      [before[0]?.lsn],
    );
    await client.query(NEXT);
    for (const statement of COPIES) await client.query(statement);
    // An index of trigrams takes less a message the more there are.
    await client.query('SET session_replication_role = replica');
    for (const [type, length] of [
      ['user', QUESTION],
      ['ai', ANSWER],
    ] as const) {
      const texts = Array.from({ length: MORE_MESSAGES / 2 }, () => text(length));
      await client.query(MORE, [type, texts]);
    }
    await client.query('VACUUM ANALYZE');
    const { rows } = await client.query<
      { name: string } & Record<Exclude<keyof TableFigures, 'largest'>, string> & { largest: string }
    >(TABLES);
    return {
      exchanges,
      questionLength: QUESTION,
      answerLength: ANSWER,
      tables: Object.fromEntries(
        rows.map(({ name, rows: count, table, indexes, largest, ofLargest }) => [
          name,
          {
            rows: Number(count),
            table: Number(table) / Number(count),
            indexes: Number(indexes) / Number(count),
            largest,
            ofLargest: Number(ofLargest) / Number(count),
          },
        ]),
      ),
      walBytes: Number(wal[0]?.bytes) / exchanges,
      cpuUs: ((cpuAfter.service - cpuBefore.service) * 1_000) / exchanges,
      databaseUs: ((cpuAfter.database - cpuBefore.database) * 1_000) / exchanges,
    };
  } finally {
    await client.end();
    await product.stop();
    model.close();
  }
}

/** Rows of which users of a benchmark leave few: as many again of each, with ids in order, as if there were a hundred times as many users. */
const COPIES = [
  copyOf('users', `'email', number || row.email`),
  copyOf(
    'sessions',
    `'user_id', pg_temp.next(row.user_id, number),
     'family_hash', '\\x' || encode(sha256((row.id::text || number)::bytea), 'hex')`,
  ),
  copyOf('conversations', `'user_id', pg_temp.next(row.user_id, number)`),
  copyOf('audit_events', `'subject_id', pg_temp.next(row.subject_id, number)`),
  copyOf('usage_daily', `'user_id', pg_temp.next(row.user_id, number)`),
];
/** With texts of their own, of a thousand users. */
const MORE_MESSAGES = 40_000;
const MORE = `
  INSERT INTO messages SELECT (jsonb_populate_record(row, jsonb_build_object(
    'id', pg_temp.next(row.id, number::int), 'conversation_id', pg_temp.next(row.conversation_id, number::int),
    'owner_id', pg_temp.next(row.owner_id, (number % 1000)::int), 'content', jsonb_build_object('text', text)))).*
  FROM unnest($2::text[]) WITH ORDINALITY AS texts (text, number),
    messages AS row WHERE row.id = (SELECT id FROM messages WHERE message_type = $1 ORDER BY id DESC LIMIT 1)`;
const NEXT = `CREATE FUNCTION pg_temp.next(id uuid, number int) RETURNS uuid LANGUAGE sql IMMUTABLE AS $$
  SELECT (left(id::text, 24) || lpad(to_hex(number), 12, '0'))::uuid $$`;

function copyOf(table: string, others: string): string {
  return `INSERT INTO ${table} SELECT (jsonb_populate_record(row, jsonb_build_object('id', pg_temp.next(row.id, number), ${others}))).*
    FROM ${table} AS row, generate_series(1, 99) AS number`;
}

/** Tables that grow with use; one that has few rows takes whole pages for them. */
const TABLES = `
  SELECT relname AS name, reltuples::bigint AS rows, pg_table_size(oid) AS table, pg_indexes_size(oid) AS indexes,
    largest.name AS largest, largest.bytes AS "ofLargest"
  FROM pg_class, LATERAL (
    SELECT indexrelid::regclass::text AS name, pg_relation_size(indexrelid) AS bytes FROM pg_index
    WHERE indrelid = pg_class.oid ORDER BY 2 DESC LIMIT 1
  ) AS largest
  WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace AND reltuples >= 400 AND relname <> '_prisma_migrations'
  ORDER BY pg_total_relation_size(oid) DESC`;
