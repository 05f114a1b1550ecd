import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { testDatabases, type TestDatabase } from '../../../../test/support/database.js';
import { requestOf } from '../../../../test/support/growth.js';
import { newId } from '../../../kernel/ids.js';
import type { PageRequest } from '../../../kernel/page.js';
import { MessagesRepository } from './messages.repository.js';

/** Beyond what a search looks at: a walk of 100, 2,000 by the index, and a walk of 10,000. */
const RECENT = 12_000;
const OLD = 3_000;

// What a search costs is compared in test/faults/growth.test.ts.
describe.each(testDatabases())('the search among messages on $name', ({ open }) => {
  const owner = newId();
  const stranger = newId();
  let database: TestDatabase;
  let messages: MessagesRepository;

  /** Each user has one conversation, with the same id as the user. */
  const talk = async (id: string, prefix: string, count: number, text: string) => {
    await database.query(
      `INSERT INTO messages (id, conversation_id, user_id, content, message_type, parent_id, position)
       SELECT ($2 || lpad(number::text, 12, '0'))::uuid, $1, $1, jsonb_build_object('text', $4::text || ' ' || number), 'user', $1,
         number + coalesce((SELECT max(position) FROM messages WHERE conversation_id = $1), 0)
       FROM generate_series(1, $3::int) AS number`,
      [id, prefix, count, text],
    );
  };
  /** Follows the cursors to the end. */
  const walk = async (part: string, request: Partial<PageRequest> = {}) => {
    const found: string[] = [];
    let pages = 0;
    for (let after: string | null = null; ; pages += 1) {
      const page = await messages.search(owner, part, requestOf({ ...request, after }));
      found.push(...page.rows.map(({ content }) => String(content['text'])));
      if (!page.hasNextPage) return { found, pages: pages + 1 };
      after = page.end ?? page.rows.at(-1)?.id ?? null;
    }
  };

  beforeAll(async () => {
    database = await open();
    messages = new MessagesRepository(database);
    for (const id of [owner, stranger]) {
      await database.query(`INSERT INTO users (id, provider, password_hash, plan) VALUES ($1, 'local', '-', 'free')`, [
        id,
      ]);
      await database.query('INSERT INTO conversations (id, user_id) VALUES ($1, $1)', [id]);
    }
    await talk(owner, '01900000-0000-7000-8000-', 3, 'Straße in Привет мир 旅行計画');
    await talk(owner, '01900000-0001-7000-8000-', OLD, 'holiday');
    await talk(owner, '01900000-0002-7000-8000-', RECENT, 'meeting');
    await talk(stranger, '01900000-0003-7000-8000-', 500, 'secret');
    await database.query('VACUUM (ANALYZE)');
  });
  afterAll(() => database.drop());

  it('gives the newest matches, and goes on after one', async () => {
    const numbers = async (after: string | null) => {
      const { rows, hasNextPage } = await messages.search(owner, 'DAY 19', requestOf({ size: 4, after }));
      return { ids: rows.map(({ id }) => Number(id.slice(-12))), last: rows.at(-1)?.id ?? null, hasNextPage };
    };
    const page = await numbers(null);
    expect(page).toMatchObject({ ids: [1999, 1998, 1997, 1996], hasNextPage: true });
    expect(await numbers(page.last)).toMatchObject({ ids: [1995, 1994, 1993, 1992], hasNextPage: true });
    expect(await messages.countFound(owner, 'day 19')).toBe(111);
    expect(await messages.countFound(owner, 'secret')).toBe(0);
    expect(await walk('secret')).toEqual({ found: [], pages: 1 });
  });

  it.each(['straße', 'ПРИВЕТ', '旅行計画', 'in Прив'])('finds %s, however long ago it was', async (part) => {
    expect((await walk(part)).found).toHaveLength(3);
    expect(await messages.countFound(owner, part)).toBe(3);
  });

  it('passes over as many matches as the offset says', async () => {
    const { rows } = await messages.search(owner, 'holiday 29', requestOf({ size: 3, offset: 5, isCounted: true }));
    expect(rows.map(({ content }) => content['text'])).toEqual(['holiday 2994', 'holiday 2993', 'holiday 2992']);
    const beyond = await messages.search(owner, 'holiday 29', requestOf({ offset: 1_000, isCounted: true }));
    expect(beyond).toMatchObject({ rows: [], hasNextPage: false });
  });

  it.each([
    ['what is frequent, but long ago', 'holiday', OLD],
    ['what has no three letters in a row', 'y', OLD],
    ['what has no letters', '旅', 3],
  ])('ends a page early for %s, and leads on to all of it', async (_, part, count) => {
    const first = await messages.search(owner, part, requestOf({ size: 100 }));
    expect(first).toMatchObject({ rows: [], hasNextPage: true, end: expect.any(String) });
    expect((await walk(part, { size: 100 })).found).toHaveLength(count);
    await expect(messages.search(owner, part, requestOf({ isCounted: true }))).rejects.toMatchObject({
      faults: [{ field: 'query' }],
    });
  });

  it('counts to 10,000', async () => {
    expect(await messages.countFound(owner, 'meeting')).toBe(10_000);
    expect(await messages.countFound(owner, 'holiday')).toBe(OLD);
  });

  it('walks where there is no index of the owners, and finds the same', async () => {
    const before = await walk('holiday 29', { size: 100 });
    await database.query('DROP INDEX messages_owner_text_idx');
    const after = await walk('holiday 29', { size: 100 });
    expect(after.found).toEqual(before.found);
    expect(after.pages).toBeGreaterThan(before.pages);
  });
});
