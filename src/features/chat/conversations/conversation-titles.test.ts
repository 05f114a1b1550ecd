import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { testDatabases, type TestDatabase } from '../../../../test/support/database.js';
import { requestOf } from '../../../../test/support/growth.js';
import { newId } from '../../../kernel/ids.js';
import { NEWEST_FIRST, type ConversationFilter, type ConversationOrder } from './conversation.js';
import { ConversationsRepository, MOST_FOUND_TITLES } from './conversations.repository.js';

const ORDERS: readonly ConversationOrder[] = [
  NEWEST_FIRST,
  { field: 'CREATED_AT', direction: 'ASC' },
  { field: 'UPDATED_AT', direction: 'DESC' },
];

describe.each(testDatabases())('conversations by title on $name', ({ open }) => {
  let database: TestDatabase;
  let repository: ConversationsRepository;
  let owner: string;
  beforeAll(async () => {
    database = await open();
    repository = new ConversationsRepository(database);
  });
  afterAll(() => database.drop());

  const user = async () => {
    const id = newId();
    await database.query(`INSERT INTO users (id, provider, plan) VALUES ($1, 'local', 'free')`, [id]);
    return id;
  };
  beforeEach(async () => {
    owner = await user();
  });

  const add = async (title: string | null, whose = owner) => {
    const id = newId();
    await database.query('INSERT INTO conversations (id, user_id, title) VALUES ($1, $2, $3)', [id, whose, title]);
    return id;
  };
  const idsOf = async (filter: ConversationFilter, order = NEWEST_FIRST, request = requestOf({ size: 500 })) => {
    const [page] = await repository.pages([owner], filter, request, order);
    return page?.rows.map(({ id }) => id);
  };
  const titlesOf = async (query: string) => {
    const [page] = await repository.pages([owner], { query }, requestOf(), NEWEST_FIRST);
    return page?.rows.map(({ title }) => title);
  };
  const countOf = async (query: string) => (await repository.count([owner], { query })).get(owner) ?? 0;

  it('are those of the user alone, whatever the case, with wildcards as they are', async () => {
    const stranger = await user();
    await add('A journey to Rome', stranger);
    for (const title of ['A journey to Rome', '100% of JOURNEYS', '100 journeys', 'Über die Alpen', '旅行の計画', null])
      await add(title);
    expect(await titlesOf('journey')).toEqual(['100 journeys', '100% of JOURNEYS', 'A journey to Rome']);
    expect(await titlesOf('100%')).toEqual(['100% of JOURNEYS']);
    expect(await titlesOf('ÜBER DIE')).toEqual(['Über die Alpen']);
    expect(await titlesOf('旅行')).toEqual(['旅行の計画']);
    expect(await titlesOf('the Alps')).toEqual([]);
    expect(await countOf('journey')).toBe(3);
    expect(await countOf('the Alps')).toBe(0);
  });

  it('are found by what they are now', async () => {
    const id = await add('the first name');
    await database.query(`UPDATE conversations SET title = 'another one' WHERE id = $1`, [id]);
    expect([await titlesOf('first name'), await titlesOf('another')]).toEqual([[], ['another one']]);
    await database.query('UPDATE conversations SET title = NULL WHERE id = $1', [id]);
    expect(await titlesOf('another')).toEqual([]);
    await database.query(`UPDATE conversations SET title = 'back again' WHERE id = $1`, [id]);
    expect(await titlesOf('again')).toEqual(['back again']);
    await database.query('UPDATE conversations SET user_id = $2 WHERE id = $1', [id, await user()]);
    expect(await titlesOf('again')).toEqual([]);
    await database.query('DELETE FROM conversations WHERE id = $1', [id]);
    const { rows } = await database.query('SELECT FROM conversation_titles WHERE conversation_id = $1', [id]);
    expect(rows).toEqual([]);
  });

  // Those that are found by the index, those that are too many for that, and those that are frequent among the newest.
  it.each([
    ['rare', 40, 20],
    ['common', 3, undefined],
    ['frequent', 1, undefined],
  ])('are the same as by going through all of them: of a %s word', async (word, distance, foundByIndex) => {
    for (let place = 0; place < 900; place++) {
      const isNewest = place >= 800;
      const has = word === 'frequent' ? true : !isNewest && place % distance === 0;
      await add(has ? `about ${word} things ${place}` : `nothing ${place}`);
    }
    const found = await database.query<{ ids: readonly string[] | null }>(
      'SELECT find_titles($1::uuid, $2, $3, $4::int) AS ids',
      [owner, `%${word}%`, word, MOST_FOUND_TITLES],
    );
    expect(found.rows[0]?.ids?.length).toBe(foundByIndex);
    await database.query(
      `UPDATE conversations SET is_pinned = (title ~ '[05]$'), updated_at = now() - random() * interval '1 day' WHERE user_id = $1`,
      [owner],
    );
    for (const { field, direction } of ORDERS) {
      const key = field === 'UPDATED_AT' ? `updated_at ${direction}, id ${direction}` : `id ${direction}`;
      const { rows } = await database.query<{ id: string; isPinned: boolean }>(
        `SELECT id, is_pinned AS "isPinned" FROM conversations WHERE user_id = $1 AND title LIKE $2 ORDER BY ${key}`,
        [owner, `%${word}%`],
      );
      const all = rows.map(({ id }) => id);
      const order = { field, direction };
      expect(await idsOf({ query: word }, order)).toEqual(all.slice(0, 500));
      expect(await idsOf({ query: word }, order, requestOf({ size: 5, offset: 7 }))).toEqual(all.slice(7, 12));
      const pinned = rows.filter(({ isPinned }) => isPinned).map(({ id }) => id);
      expect(await idsOf({ query: word, isPinned: true }, order, requestOf({ size: 5 }))).toEqual(pinned.slice(0, 5));
      if (field === 'UPDATED_AT') continue;
      const after = all[3] ?? null;
      expect(await idsOf({ query: word }, order, requestOf({ size: 5, after }))).toEqual(all.slice(4, 9));
    }
    const { rows } = await database.query<{ count: number }>(
      'SELECT count(*) FROM conversations WHERE user_id = $1 AND title LIKE $2',
      [owner, `%${word}%`],
    );
    expect(await countOf(word)).toBe(rows[0]?.count);
  });

  it('are looked up once for a page and its count', async () => {
    for (const title of ['A journey to Rome', 'A journey to Athens', 'Alps']) await add(title);
    const asked: (string | undefined)[] = [];
    const counted = new ConversationsRepository({
      query: (...statement: Parameters<TestDatabase['query']>) => {
        asked.push(statement[2]);
        return database.query(...statement);
      },
      lists: (...list: Parameters<TestDatabase['lists']>) => database.lists(...list),
      sharedRead: (...read: Parameters<TestDatabase['sharedRead']>) => database.sharedRead(...read),
    } as unknown as TestDatabase);
    const sought = await counted.seek([owner], { query: 'journey' });
    const [page] = await counted.pages([owner], sought, requestOf({ size: 1 }), NEWEST_FIRST);
    expect(page?.rows.map(({ title }) => title)).toEqual(['A journey to Athens']);
    expect(await counted.count([owner], sought)).toEqual(new Map([[owner, 2]]));
    expect(asked.filter((name) => name === 'conversation_find_titles')).toHaveLength(1);
  });

  it('are found where the index is missing', async () => {
    await add('A journey to Rome');
    await database.query('ALTER INDEX conversation_titles_owner_title_idx RENAME TO elsewhere');
    try {
      expect(await titlesOf('journey')).toEqual(['A journey to Rome']);
    } finally {
      await database.query('ALTER INDEX elsewhere RENAME TO conversation_titles_owner_title_idx');
    }
  });
});
