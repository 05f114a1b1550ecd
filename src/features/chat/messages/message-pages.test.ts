import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { testDatabases, type TestDatabase } from '../../../../test/support/database.js';
import { newId } from '../../../kernel/ids.js';
import type { PageRequest } from '../../../kernel/page.js';
import { MessagesRepository } from './messages.repository.js';

const BRANCH = 30;

describe.each(testDatabases())('the pages of a branch on $name', ({ open }) => {
  const whole = newId();
  const gapped = newId();
  const empty = newId();
  let database: TestDatabase;
  let repository: MessagesRepository;

  const add = async (conversationId: string, count: number) => {
    await database.query('INSERT INTO conversations (id, user_id) VALUES ($1, $2)', [conversationId, whole]);
    for (let index = 0; index < count; index += 1) {
      await database.query(
        `INSERT INTO messages (id, conversation_id, user_id, content, message_type) VALUES ($1, $2, $3, '{}', 'user')`,
        [newId(), conversationId, whole],
      );
    }
  };
  /** The ids of a branch, read without a page. */
  const branchOf = async (conversationId: string) => {
    const { rows } = await database.query<{ id: string }>(
      'SELECT id FROM messages WHERE conversation_id = $1 AND is_current ORDER BY position',
      [conversationId],
    );
    return rows.map(({ id }) => id);
  };
  const pageAt = async (conversationId: string, request: Partial<PageRequest>) => {
    const [page] = await repository.pages([conversationId], {
      ...{ size: 4, forward: true, after: null, before: null, offset: 0, isCounted: false },
      ...request,
    });
    return page?.rows.map(({ id }) => id) ?? [];
  };

  beforeAll(async () => {
    database = await open();
    repository = new MessagesRepository(database);
    await database.query(`INSERT INTO users (id, provider, password_hash, plan) VALUES ($1, 'local', '-', 'free')`, [
      whole,
    ]);
    await add(whole, BRANCH);
    await add(gapped, BRANCH);
    await add(empty, 0);
    const ids = await branchOf(gapped);
    for (const place of [0, 7, 8, 21, BRANCH - 1])
      await database.query('DELETE FROM messages WHERE id = $1', [ids[place]]);
  });
  afterAll(() => database.drop());

  it.each([
    ['without gaps', whole],
    ['with gaps', gapped],
    ['without messages', empty],
  ])('pass over as many as the offset says, %s', async (_, conversationId) => {
    const ids = await branchOf(conversationId);
    expect(ids).toHaveLength({ [whole]: BRANCH, [gapped]: BRANCH - 5 }[conversationId] ?? 0);
    for (let offset = 0; offset <= BRANCH + 1; offset += 1) {
      expect(await pageAt(conversationId, { offset })).toEqual(ids.slice(offset, offset + 4));
      const backwards = [...ids].reverse().slice(offset, offset + 4);
      expect(await pageAt(conversationId, { offset, forward: false })).toEqual(backwards.reverse());
    }
    const after = ids[5] ?? null;
    const before = ids[20] ?? null;
    for (const offset of [0, 1, 3, 12, 14, 1_000_000]) {
      const between = ids.slice(6, 20);
      expect(await pageAt(conversationId, { after, before, offset })).toEqual(between.slice(offset, offset + 4));
      expect(await pageAt(conversationId, { after, before, offset, forward: false })).toEqual(
        [...between]
          .reverse()
          .slice(offset, offset + 4)
          .reverse(),
      );
    }
  });

  it('are counted as the conversation counts its messages', async () => {
    expect(await repository.count([whole, gapped, empty])).toEqual(
      new Map([
        [whole, BRANCH],
        [gapped, BRANCH - 5],
        [empty, 0],
      ]),
    );
  });
});
