import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { testDatabases, type TestDatabase } from '../../../../test/support/database.js';
import { newId } from '../../../kernel/ids.js';
import type { Sql } from '../../../ports/database.js';
import { selectionOf, updateOf } from '../conversations/conversation-event.js';
import { MessagesRepository, type AddedMessage, type LoneMessage, type RefusedMessage } from './messages.repository.js';

const ROOMY = { dailyMessages: 1_000, dailyTokens: 1_000 };

interface Asked {
  readonly versionOf?: string;
  readonly expectedLeafId?: string;
  readonly limits?: typeof ROOMY;
}

/** Adds a message as its service does: charged to its author, and noted for its conversation and for the list. */
function addTo(
  messages: MessagesRepository,
  sql: Sql,
  message: LoneMessage,
  { limits, ...addition }: Asked & Required<Pick<Asked, 'limits'>>,
): Promise<AddedMessage | RefusedMessage> {
  const { id, conversationId, userId } = message;
  return messages.add(
    sql,
    message,
    addition,
    { dayId: newId(), entryId: newId(), ...limits },
    {
      added: [{ type: 'created', messageId: id }],
      switched: [selectionOf(id)],
      listed: updateOf(userId, conversationId).events,
    },
  );
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
    return addTo(messages, database, message, { limits, ...addition });
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

/** A user with a conversation in which something was said. */
interface Writer {
  readonly owner: string;
  readonly talk: string;
  readonly leaf: string;
}

interface Said extends Asked {
  readonly writer: Writer;
  readonly id: string;
  readonly text?: string;
}

describe.each(testDatabases())('messages that are added at one moment on $name', ({ name, open }) => {
  let database: TestDatabase;
  /** The names of the statements outside of transactions. */
  let statements: string[];
  let messages: MessagesRepository;

  beforeAll(async () => {
    database = await open();
    const query = database.query.bind(database);
    database.query = (text, values, statement) => {
      if (statement !== undefined) statements.push(statement);
      return query(text, values, statement);
    };
    messages = new MessagesRepository(database);
  });
  afterAll(() => database.drop());
  beforeEach(() => {
    statements = [];
  });

  const say = (sql: Sql, { writer, id, text = 'Hello', limits = ROOMY, ...addition }: Said) => {
    const { owner, talk } = writer;
    const message = {
      id,
      conversationId: talk,
      userId: owner,
      content: { text, "it's": ['"quoted" \\ and\nbroken', { deep: null }] },
      messageType: 'user "quoted"',
      extra: text === 'Hello' ? null : { from: text },
    };
    return addTo(messages, sql, message, { limits, ...addition });
  };
  const writers = (count: number): Promise<readonly Writer[]> =>
    Promise.all(
      Array.from({ length: count }, async () => {
        const [owner, talk, leaf] = [newId(), newId(), newId()];
        await database.query(`INSERT INTO users (id, provider, plan) VALUES ($1, 'local', 'free')`, [owner]);
        await database.query('INSERT INTO conversations (id, user_id) VALUES ($1, $2)', [talk, owner]);
        await database.transaction((sql) => say(sql, { writer: { owner, talk, leaf }, id: leaf }));
        return { owner, talk, leaf };
      }),
    );
  const together = () => statements.filter((statement) => statement === 'message_add_together').length;
  const alone = () => statements.filter((statement) => statement === 'message_add').length;
  /** All that is written of a writer, with places of ids in the place of ids, and without times. */
  const written = async ({ owner, talk }: Writer) => {
    const { rows } = await database.query<{ all: unknown }>(
      `SELECT jsonb_build_object(
         'talk', (SELECT jsonb_build_array(c.message_count, c.total_count, c.unread_count, c.updated_at = (
           SELECT max(m.created_at) FROM messages m WHERE m.conversation_id = c.id)) FROM conversations c WHERE c.id = $1),
         'messages', (SELECT jsonb_agg(to_jsonb(m) ORDER BY m.position, m.id) FROM messages m WHERE m.conversation_id = $1),
         'days', (SELECT jsonb_agg(to_jsonb(d) - 'id') FROM usage_daily d WHERE d.user_id = $2),
         'lines', (SELECT jsonb_agg(to_jsonb(e) ORDER BY e.id) FROM usage_entries e WHERE e.user_id = $2),
         'feeds', (SELECT jsonb_agg(to_jsonb(f) ORDER BY f.id) FROM event_feeds f WHERE f.id IN ($1, $2)),
         'events', (SELECT jsonb_agg(to_jsonb(e) - 'transaction_id' ORDER BY e.feed_id, e.sequence) FROM feed_events e
           WHERE e.feed_id IN ($1, $2))
       ) AS all`,
      [talk, owner],
    );
    const places = new Map<string, string>();
    return JSON.parse(
      JSON.stringify(rows[0]?.all)
        .replaceAll(/[\da-f]{8}-[\da-f-]{27}/g, (id) => {
          places.set(id, places.get(id) ?? `id ${places.size}`);
          return places.get(id) ?? '';
        })
        .replaceAll(/"\d{4}-\d\d-\d\dT[^"]+"/g, '"a time"'),
    ) as unknown;
  };
  const shown = (result: AddedMessage | RefusedMessage) =>
    result.refusal === null
      ? {
          ...result,
          message: {
            ...result.message,
            id: 'id',
            conversationId: 'id',
            userId: 'id',
            parentId: 'id',
            createdAt: 0,
            updatedAt: 0,
          },
        }
      : { refusal: result.refusal };

  it('share a statement, and each is as it would be alone', async () => {
    const kinds: readonly ((writer: Writer) => Omit<Said, 'writer' | 'id'>)[] = [
      () => ({}),
      () => ({ text: 'Something else' }),
      ({ leaf }) => ({ expectedLeafId: leaf }),
      () => ({ expectedLeafId: newId() }),
      () => ({ limits: { ...ROOMY, dailyTokens: 0 } }),
      () => ({ limits: { ...ROOMY, dailyMessages: 2 } }),
      () => ({ limits: { ...ROOMY, dailyMessages: 2 }, text: 'In a group of its own' }),
      () => ({ limits: { ...ROOMY, dailyMessages: 1 } }),
      () => ({ limits: { ...ROOMY, dailyMessages: 1 }, text: 'Refused with the other' }),
      ({ leaf }) => ({ versionOf: leaf }),
      ({ leaf }) => ({ versionOf: leaf, expectedLeafId: leaf }),
      () => ({ text: 'long '.repeat(5_000) }),
    ];
    const [atOnce, inTurn] = [await writers(kinds.length), await writers(kinds.length)];
    const said = (people: readonly Writer[]) =>
      people.map((writer, place) => ({ writer, id: newId(), ...kinds[place]?.(writer) }));
    statements = [];
    const shared = await Promise.all(said(atOnce).map((one) => say(database, one)));
    // Three groups by their limit; alone are the versions and the long one.
    expect([together(), alone()]).toEqual([3, 3]);
    const lone: (AddedMessage | RefusedMessage)[] = [];
    for (const one of said(inTurn)) lone.push(await database.transaction((sql) => say(sql, one)));
    expect(shared.map(shown)).toEqual(lone.map(shown));
    expect(shared.map(({ refusal }) => refusal)).toEqual([
      ...[null, null, null, 'leaf', null, null, null, 'quota', 'quota', null, null, null],
    ]);
    const leaves = shared.map((result, place) => [
      result.refusal === null ? result.message.parentId : result.leaf,
      atOnce[place]?.leaf,
    ]);
    for (const [place, [found, expected]] of leaves.entries()) {
      if (kinds[place] !== kinds[9] && kinds[place] !== kinds[10]) expect(found).toBe(expected);
    }
    for (const [place, writer] of atOnce.entries()) {
      expect(await written(writer)).toEqual(await written(inTurn[place] ?? writer));
    }
  });

  it('are one branch, an exact charge and numbers without a gap, however they come together', async () => {
    const people = await writers(6);
    const limits = { ...ROOMY, dailyMessages: 9 };
    const results = await Promise.all(
      Array.from({ length: 60 }, (_, index) => {
        const writer = people[index % people.length];
        if (writer === undefined) throw new Error('there is a writer for each');
        return say(database, { writer, id: newId(), limits });
      }),
    );
    expect(together()).toBeGreaterThan(0);
    // Each had said one before.
    expect(results.filter(({ refusal }) => refusal === 'quota')).toHaveLength(6 * 2);
    for (const { owner, talk } of people) {
      const { rows } = await database.query<Record<string, unknown>>(
        `SELECT c.message_count AS shown, c.total_count AS all,
           (SELECT sum(message_count)::int FROM usage_daily WHERE user_id = $2) AS charged,
           (SELECT count(*) FROM usage_entries WHERE user_id = $2) AS lines,
           (SELECT count(*) FROM messages m WHERE m.conversation_id = $1 AND m.is_current AND (
             m.position = 0 OR m.parent_id = (SELECT b.id FROM messages b WHERE b.conversation_id = $1 AND b.position = m.position - 1)
           )) AS placed,
           (SELECT array_agg(sequence ORDER BY sequence) FROM feed_events WHERE feed_id = $1) AS told,
           (SELECT array_agg(sequence ORDER BY sequence) FROM feed_events WHERE feed_id = $2) AS listed
         FROM conversations c WHERE c.id = $1`,
        [talk, owner],
      );
      const numbers = Array.from({ length: 9 }, (_, index) => index + 1);
      expect(rows).toEqual([{ shown: 9, all: 9, charged: 9, lines: 9, placed: 9, told: numbers, listed: numbers }]);
    }
  });

  it('are told apart where one conversation is gone, and where one fails', async () => {
    const [good, gone, bad, other] = await writers(4);
    if (good === undefined || gone === undefined || bad === undefined || other === undefined)
      throw new Error('four were made');
    await database.query('DELETE FROM conversations WHERE id = $1', [gone.talk]);
    statements = [];
    const results = await Promise.allSettled([
      say(database, { writer: good, id: newId() }),
      say(database, { writer: gone, id: newId() }),
      // There is a message with this id.
      say(database, { writer: bad, id: good.leaf }),
      say(database, { writer: other, id: newId() }),
    ]);
    expect(results).toMatchObject([
      { status: 'fulfilled', value: { refusal: null, last: 2, lastListed: 2 } },
      { status: 'fulfilled', value: { refusal: 'conversation' } },
      { status: 'rejected', reason: { constraint: 'messages_pkey' } },
      { status: 'fulfilled', value: { refusal: null, last: 2, lastListed: 2 } },
    ]);
    expect([together(), alone()]).toEqual([1, 4]);
    const { rows } = await database.query(
      'SELECT sum(message_count)::int AS charged FROM usage_daily WHERE user_id = ANY($1)',
      [[good.owner, bad.owner, other.owner]],
    );
    expect(rows).toEqual([{ charged: 5 }]);
  });

  // The embedded database has one transaction at a time.
  if (name !== 'embedded') {
    it('do not wait for one whose conversation is locked', async () => {
      const [held, ...others] = await writers(4);
      if (held === undefined) throw new Error('four were made');
      const locked = Promise.withResolvers<undefined>();
      const release = Promise.withResolvers<undefined>();
      const holding = database.transaction(async (sql) => {
        await sql.query('SELECT 1 FROM conversations WHERE id = $1 FOR UPDATE', [held.talk]);
        locked.resolve(undefined);
        await release.promise;
      });
      await locked.promise;
      statements = [];
      let isReleased = false;
      const waiting = say(database, { writer: held, id: newId() }).then((result) => [isReleased, result.refusal]);
      const added = await Promise.all(others.map((writer) => say(database, { writer, id: newId() })));
      expect(added.map(({ refusal }) => refusal)).toEqual([null, null, null]);
      expect(together()).toBe(1);
      isReleased = true;
      release.resolve(undefined);
      await holding;
      expect(await waiting).toEqual([true, null]);
    });
  }
});
