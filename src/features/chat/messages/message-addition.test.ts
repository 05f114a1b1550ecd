import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { testDatabases, type TestDatabase } from '../../../../test/support/database.js';
import { newId } from '../../../kernel/ids.js';
import { selectionOf, updateOf } from '../conversations/conversation-event.js';
import { MessagesRepository, type AddedMessage, type RefusedMessage } from './messages.repository.js';

const ROOMY = { dailyMessages: 1_000, dailyTokens: 1_000 };

interface Asked {
  readonly versionOf?: string;
  readonly expectedLeafId?: string;
  readonly limits?: typeof ROOMY;
}

describe.each(testDatabases())('a message that is added by one statement on $name', ({ open }) => {
  let database: TestDatabase;
  let messages: MessagesRepository;
  let owner: string;
  let talk: string;

  beforeAll(async () => {
    database = await open();
    messages = new MessagesRepository(database);
  });
  afterAll(() => database.drop());
  beforeEach(async () => {
    owner = newId();
    talk = newId();
    await database.query(`INSERT INTO users (id, provider, plan) VALUES ($1, 'local', 'free')`, [owner]);
    await database.query(
      `INSERT INTO conversations (id, user_id, updated_at) VALUES ($1, $2, timestamptz '2026-01-01Z')`,
      [talk, owner],
    );
  });

  const add = ({ limits = ROOMY, ...addition }: Asked = {}) => {
    const id = newId();
    const message = {
      id,
      conversationId: talk,
      userId: owner,
      content: { text: id },
      messageType: 'user',
      extra: null,
    };
    return messages.add(
      database,
      message,
      addition,
      { dayId: newId(), entryId: newId(), ...limits },
      {
        added: [{ type: 'created', messageId: id }],
        switched: [selectionOf(id)],
        listed: updateOf(owner, talk).events,
      },
    );
  };
  const added = (result: AddedMessage | RefusedMessage): AddedMessage => {
    expect(result.refusal).toBeNull();
    return result as AddedMessage;
  };
  /** Everything that an addition writes. */
  const written = async () => {
    const { rows } = await database.query<Record<string, unknown>>(
      `SELECT c.message_count AS shown, c.total_count AS all, c.updated_at AS "updatedAt",
         (SELECT sum(message_count)::int FROM usage_daily WHERE user_id = $2) AS charged,
         (SELECT count(*) FROM usage_entries WHERE user_id = $2 AND kind = 'MESSAGE' AND tokens = 0) AS entries,
         (SELECT array_agg(event->>'type' ORDER BY sequence) FROM feed_events WHERE feed_id = c.id) AS events,
         (SELECT array_agg(sequence ORDER BY sequence) FROM feed_events WHERE feed_id = $2) AS listed
       FROM conversations c WHERE c.id = $1`,
      [talk, owner],
    );
    return rows[0];
  };

  it('is placed, charged, counted and noted', async () => {
    const first = added(await add());
    const second = added(await add({ expectedLeafId: first.message.id }));
    expect(first).toMatchObject({ isSwitched: false, last: 1, lastListed: 1, message: { parentId: null } });
    expect(second).toMatchObject({
      isSwitched: false,
      last: 2,
      lastListed: 2,
      message: { parentId: first.message.id, content: { text: second.message.id }, status: 'COMPLETE', sequence: null },
    });
    expect(await written()).toEqual({
      shown: 2,
      all: 2,
      updatedAt: second.message.createdAt,
      charged: 2,
      entries: 2,
      events: ['created', 'created'],
      listed: [1, 2],
    });
  });

  it('stands beside the one that it is a version of, and its branch is shown', async () => {
    const first = added(await add());
    await add();
    const version = added(await add({ versionOf: first.message.id }));
    expect(version).toMatchObject({ isSwitched: true, last: 4, lastListed: 3, message: { parentId: null } });
    expect(await written()).toMatchObject({ shown: 1, all: 3, events: ['created', 'created', 'created', 'updated'] });
  });

  it('changes nothing where it is refused', async () => {
    const first = added(await add());
    const last = added(await add());
    const gone = newId();
    const before = await written();
    const { id: leaf } = last.message;
    const refusals: readonly [Asked, RefusedMessage['refusal']][] = [
      [{ expectedLeafId: first.message.id }, 'leaf'],
      [{ versionOf: gone }, 'message'],
      [{ limits: { ...ROOMY, dailyMessages: 2 } }, 'quota'],
      // The first of what is wrong, where more is.
      [{ expectedLeafId: gone, versionOf: gone, limits: { ...ROOMY, dailyMessages: 2 } }, 'leaf'],
      [{ versionOf: gone, limits: { ...ROOMY, dailyMessages: 2 } }, 'message'],
      // The branch is left as it is, too.
      [{ versionOf: first.message.id, limits: { ...ROOMY, dailyMessages: 2 } }, 'quota'],
    ];
    for (const [asked, refusal] of refusals) expect(await add(asked)).toMatchObject({ refusal, leaf });
    expect(await written()).toEqual(before);
    await database.query('DELETE FROM conversations WHERE id = $1', [talk]);
    expect(await add()).toMatchObject({ refusal: 'conversation' });
  });

  it('waits for those that are added at once: one branch, an exact charge, numbers without a gap', async () => {
    const limits = { ...ROOMY, dailyMessages: 20 };
    const results = await Promise.all(Array.from({ length: 24 }, () => add({ limits })));
    const stored = results.filter((result) => result.refusal === null);
    expect(results.filter(({ refusal }) => refusal === 'quota')).toHaveLength(4);
    const { rows } = await database.query<{ id: string; follows: boolean }>(
      `SELECT id, parent_id = coalesce(lag(id) OVER branch, conversation_id) AS follows
       FROM messages WHERE conversation_id = $1 AND is_current WINDOW branch AS (ORDER BY position) ORDER BY position`,
      [talk],
    );
    expect(rows.filter(({ follows }) => follows)).toHaveLength(20);
    const inOrder = stored.toSorted((one, other) => one.last - other.last);
    expect(inOrder.map(({ message }) => message.id)).toEqual(rows.map(({ id }) => id));
    expect(await written()).toMatchObject({
      shown: 20,
      all: 20,
      charged: 20,
      entries: 20,
      events: Array.from({ length: 20 }, () => 'created'),
      listed: Array.from({ length: 20 }, (_, index) => index + 1),
    });
  });
});
