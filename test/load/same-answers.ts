import { isDeepStrictEqual } from 'node:util';
import pg from 'pg';
import type { Request } from './calls.js';

export interface Answerer {
  readonly name: string;
  readonly url: string;
  /** What it is asked for the same. */
  readonly requests: readonly Request[];
}

/** What is left out of a message that each makes for itself. */
const OF_ITS_OWN = new Set(['id', 'message_id', 'parent_id', 'createdAt', 'timestamp']);

/** What a call leaves in the tables. */
const LEFT = `SELECT (SELECT count(*) FROM messages) AS messages, (SELECT sum(message_count) FROM conversations) AS counted,
  (SELECT count(*) FROM conversations WHERE updated_at > now() - interval '1 day') AS touched,
  (SELECT count(*) FROM usage_entries) AS entries, (SELECT sum(message_count) FROM usage_daily) AS charged,
  (SELECT count(*) FROM event_feeds) AS feeds, (SELECT sum(last_sequence) FROM event_feeds) AS numbers,
  (SELECT count(*) FROM feed_events) AS events`;

/**
 * Compares the answers of all with the first one's, and what they leave in the database.
 * @throws when any is unlike
 */
export async function expectSame(databaseUrl: string, call: string, answerers: readonly Answerer[]): Promise<void> {
  const client = new pg.Client(databaseUrl);
  await client.connect();
  try {
    const given: { name: string; answer: unknown; left: unknown }[] = [];
    for (const { name, url, requests } of answerers) {
      const [request] = requests;
      if (request === undefined) throw new Error(`${call} has no requests`);
      // A first one may add what a later one changes.
      await send(url, request);
      const before = await leftIn(client);
      const answer = await send(url, request);
      const after = await leftIn(client);
      const left = Object.fromEntries(Object.entries(after).map(([key, value]) => [key, value - (before[key] ?? 0)]));
      given.push({ name, answer: call === 'create' ? withoutOwn(answer) : answer, left });
    }
    const [first, ...others] = given;
    for (const other of others) {
      for (const part of ['answer', 'left'] as const) {
        if (isDeepStrictEqual(other[part], first?.[part])) continue;
        const shown = (value: unknown) => JSON.stringify(value).slice(0, 2_000);
        throw new Error(
          `${call}: ${other.name} is not like ${first?.name ?? ''} (${part}):\n${shown(other[part])}\n${shown(first?.[part])}`,
        );
      }
    }
  } finally {
    await client.end();
  }
}

async function send(url: string, { method, path, token, body }: Request): Promise<unknown> {
  const response = await fetch(url + path, {
    method,
    headers: {
      authorization: `Bearer ${token}`,
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    },
    ...(body === undefined ? {} : { body }),
  });
  const text = await response.text();
  if (!response.ok || text.startsWith('{"errors"')) throw new Error(`${url}${path}: ${response.status} ${text}`);
  return JSON.parse(text);
}

async function leftIn(client: pg.Client): Promise<Record<string, number>> {
  const { rows } = await client.query<Record<string, string | null>>(LEFT);
  return Object.fromEntries(Object.entries(rows[0] ?? {}).map(([key, value]) => [key, Number(value ?? 0)]));
}

function withoutOwn(answer: unknown): unknown {
  return JSON.parse(JSON.stringify(answer), (key, value: unknown) => (OF_ITS_OWN.has(key) ? null : value));
}
