import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { signUp, type Actor } from '../support/actor.js';
import { startTestApp, type TestApp } from '../support/app.js';
import { eventually, untilSettled } from '../support/eventually.js';
import { askModel, eventsOf, readReply, ROOMY_PLANS, streamingDoors, textIn } from '../support/replies.js';
import { stores } from '../support/servers.js';

interface Page {
  readonly nodes: readonly { readonly id: string }[];
  readonly pageInfo: { readonly hasNextPage: boolean; readonly endCursor: string | null };
}

type ListEvent =
  | { readonly __typename: 'ConversationDeleted'; readonly conversationId: string }
  | {
      readonly __typename: 'ConversationCreated' | 'ConversationUpdated';
      readonly conversation: { readonly id: string; readonly title: string | null };
    };

/** The fields of a type, with what tells whether an object is there. */
const FIELDS = `query ($type: String!) {
  __type(name: $type) { fields { name type { kind ofType { kind ofType { kind ofType { kind } } } } } }
}`;

interface KindOfType {
  readonly kind: string;
  readonly ofType?: KindOfType | null;
}

const LIST = `query ($first: Int, $after: String, $orderBy: ConversationOrder) {
  conversations(first: $first, after: $after, orderBy: $orderBy) { nodes { id } pageInfo { hasNextPage endCursor } }
}`;
const OWN_LIST = LIST.replace('conversations(', 'me { conversations(').replace(/}\n}$/, '} }\n}');
const EVENTS = `subscription {
  conversationListEvents {
    __typename
    ... on ConversationCreated { conversation { id title } }
    ... on ConversationUpdated { conversation { id title } }
    ... on ConversationDeleted { conversationId }
  }
}`;
const DELETE_LIST = 'mutation ($ids: [ID!]!) { deleteConversationList(ids: $ids) { count ids } }';

describe.each(stores)('a list of conversations on %s', (on) => {
  let app: TestApp;
  let owner: Actor;
  beforeAll(async () => {
    app = await startTestApp({ stores: on, settings: { PLANS: ROOMY_PLANS } });
  });
  beforeEach(async () => {
    owner = await signUp(app);
  });
  afterAll(() => app.close());

  const page = async (variables: object): Promise<Page> =>
    (await owner.ask<{ conversations: Page }>(LIST, { ...variables })).conversations;

  const idsInPages = async (variables: object): Promise<string[]> => {
    const ids: string[] = [];
    for (let after: string | null = null; ;) {
      const { nodes, pageInfo }: Page = await page({ ...variables, after, first: 2 });
      ids.push(...nodes.map(({ id }) => id));
      if (!pageInfo.hasNextPage) return ids;
      after = pageInfo.endCursor;
    }
  };

  const create = async (count: number): Promise<string[]> => {
    const ids: string[] = [];
    for (let index = 0; index < count; index += 1) ids.push(await owner.createConversation(`No. ${index.toString()}`));
    return ids;
  };

  it('is read by creation or by last activity, in both directions, page by page', async () => {
    const ids = await create(5);
    const [a = '', b = '', c = '', d = '', e = ''] = ids;
    const activity = ['2026-01-03', '2026-01-05', '2026-01-01', '2026-01-05', '2026-01-03'];
    for (const [index, id] of ids.entries())
      await app.database.query('UPDATE conversations SET updated_at = $2 WHERE id = $1', [id, activity[index]]);
    const order = (field: string, direction: string) => ({ orderBy: { field, direction } });
    expect(await idsInPages({})).toEqual([e, d, c, b, a]);
    expect(await idsInPages(order('CREATED_AT', 'ASC'))).toEqual([a, b, c, d, e]);
    // Equal times: by id in the same direction.
    expect(await idsInPages(order('UPDATED_AT', 'DESC'))).toEqual([d, b, e, a, c]);
    expect(await idsInPages(order('UPDATED_AT', 'ASC'))).toEqual([c, a, e, b, d]);
    expect(await idsInPages({ orderBy: { field: 'UPDATED_AT' } })).toEqual([d, b, e, a, c]);
    const { me } = await owner.ask<{ me: { conversations: Page } }>(OWN_LIST, {
      ...order('UPDATED_AT', 'ASC'),
      first: 1,
    });
    expect(me.conversations.nodes).toEqual([{ id: c }]);
  });

  it('has no titles that nobody gave, unless a setting asks for them', async () => {
    const id = await owner.createConversation();
    const before = app.model.requests.length;
    await readReply(owner, 'webSocket', await askModel(owner, id));
    expect(app.model.requests).toHaveLength(before + 1);
    const { rows } = await app.database.query('SELECT title, is_title_asked FROM conversations WHERE id = $1', [id]);
    expect(rows).toEqual([{ title: null, is_title_asked: false }]);
  });

  it('moves a conversation to the front when something is said in it', async () => {
    const [first = '', second = ''] = await create(2);
    const byActivity = { orderBy: { field: 'UPDATED_AT' } };
    expect(await idsInPages(byActivity)).toEqual([second, first]);
    app.model.reply({ chunks: ['Hi'] });
    await readReply(owner, 'webSocket', await askModel(owner, first));
    expect(await idsInPages(byActivity)).toEqual([first, second]);
  });

  it.each(['Conversation', 'Message'])('says the same of a %s, whatever else is asked of it', async (type) => {
    const settings = { model: 'gpt-4o-mini', instructions: 'Be brief.', temperature: 0.5, maxTokens: 50 };
    const input = { title: 'Spring', status: 'open', isPinned: true, isArchived: true, label: 'work', ...settings };
    const { createConversation } = await owner.ask<{ createConversation: { id: string } }>(
      'mutation ($input: CreateConversationInput!) { createConversation(input: $input) { id } }',
      { input },
    );
    const { id } = createConversation;
    app.model.reply({ chunks: ['Hi'] });
    await readReply(owner, 'webSocket', await askModel(owner, id));

    const { __type } = await owner.ask<{ __type: { fields: { name: string; type: KindOfType }[] } }>(FIELDS, { type });
    const isScalar = ({ kind, ofType }: KindOfType): boolean =>
      ofType == null ? kind === 'SCALAR' || kind === 'ENUM' : isScalar(ofType);
    const fields = __type.fields.map((field) => `${field.name}${isScalar(field.type) ? '' : ' { __typename }'}`);
    expect(fields).toEqual(expect.arrayContaining(['id', 'status', 'createdAt']));
    const rows = async (of: readonly string[]) => {
      const asked = `nodes { ${of.join(' ')} } edges { node { ${of.join(' ')} } }`;
      const list =
        type === 'Message'
          ? `messages(conversationId: "${id}", first: 2) { ${asked} }`
          : `conversations(first: 2) { ${asked} }`;
      const inside =
        type === 'Message' ? `conversations(first: 1) { nodes { messages(first: 2) { ${asked} } } }` : list;
      return owner.ask<Record<string, unknown>>(`{ ${list} me { ${inside} } }`);
    };
    const whole = await rows(fields);
    for (const field of fields) expect(whole).toMatchObject(await rows([field]));
  });

  it('refuses a cursor of a list in another order', async () => {
    await create(3);
    const cursors = [await page({ first: 1 }), await page({ first: 1, orderBy: { field: 'UPDATED_AT' } })].map(
      ({ pageInfo }) => pageInfo.endCursor,
    );
    for (const [after, field] of [
      [cursors[0], 'UPDATED_AT'],
      [cursors[1], 'CREATED_AT'],
      [Buffer.from('2:9999999999999999:x').toString('base64url'), 'UPDATED_AT'],
    ]) {
      const { errors } = await owner.graphql(LIST, { after, orderBy: { field } });
      expect(errors?.[0]?.extensions).toMatchObject({
        code: 'BAD_USER_INPUT',
        errors: [{ field: 'after', message: 'is not a cursor of this list' }],
      });
    }
  });

  /** A conversation in which the model answered. */
  const answered = async (title: string): Promise<{ id: string; questionId: string; replyId: string }> => {
    const id = await owner.createConversation(title);
    const { createMessage } = await owner.ask<{ createMessage: { message: { id: string }; reply: { id: string } } }>(
      'mutation ($input: CreateMessageInput!) { createMessage(input: $input) { message { id } reply { id } } }',
      {
        input: {
          conversationId: id,
          content: { text: 'Where to?' },
          messageType: 'user',
          invokeLlm: true,
          waitForReply: true,
        },
      },
    );
    return { id, questionId: createMessage.message.id, replyId: createMessage.reply.id };
  };
  const ROW = 'id isPinned isArchived label messageCount unreadCount lastMessage { id text }';
  const rowOf = async (id: string) =>
    (await owner.ask<{ conversation: Record<string, unknown> }>(`{ conversation(id: "${id}") { ${ROW} } }`))
      .conversation;
  const MARK_READ = `mutation ($conversationId: ID!, $upTo: ID!) {
    markRead(conversationId: $conversationId, upTo: $upTo) { unreadCount }
  }`;

  it('says of each what came last, how many messages there are, and how many were not read', async () => {
    app.model.reply('To the sea.', 'To the hills.');
    const { id, questionId, replyId } = await answered('trip');
    expect(await rowOf(id)).toMatchObject({
      messageCount: 2,
      unreadCount: 1,
      lastMessage: { id: replyId, text: 'To the sea.' },
    });
    const follower = owner.webSocket<{ conversationListEvents: ListEvent }>(EVENTS);
    const told = follower.next();
    await eventually(
      async () => {
        await owner.ask(MARK_READ, { conversationId: id, upTo: questionId });
        return owner.ask<{ markRead: { unreadCount: number } }>(MARK_READ, { conversationId: id, upTo: questionId });
      },
      ({ markRead }) => markRead.unreadCount === 1,
    );
    const read = await owner.rest('POST', `/conversations/${id}/read`, { up_to: replyId });
    expect(read).toMatchObject({ status: 200, body: { data: { unread_count: 0, message_count: 2 } } });
    // A mark never goes back.
    expect(await owner.ask(MARK_READ, { conversationId: id, upTo: questionId })).toEqual({
      markRead: { unreadCount: 0 },
    });
    expect(await owner.rest('POST', `/conversations/${id}/read`, { up_to: id })).toMatchObject({ status: 404 });
    const other = await answered('other');
    expect(await owner.rest('POST', `/conversations/${id}/read`, { up_to: other.replyId })).toMatchObject({
      status: 404,
      body: { message: 'Message not found' },
    });
    await told;
    follower.close();

    await owner.ask('mutation ($id: ID!) { deleteMessage(id: $id) { id } }', { id: other.replyId });
    expect(await rowOf(other.id)).toMatchObject({
      messageCount: 1,
      unreadCount: 0,
      lastMessage: { id: other.questionId },
    });
  });

  it('keeps its counts exact while branches are chosen, and messages come and go at once', async () => {
    const { id, replyId, questionId } = await answered('tree');
    await owner.ask(MARK_READ, { conversationId: id, upTo: replyId });
    const write = async () => {
      const { body } = await owner.rest('POST', `/conversations/${id}/messages`, {
        content: { text: 'and?' },
        message_type: 'user',
      });
      return (body.data as { message_id: string }).message_id;
    };
    const written = await Promise.all(Array.from({ length: 6 }, write));
    await app.database.query(`UPDATE messages SET user_id = NULL WHERE id = ANY($1::uuid[])`, [written.slice(0, 2)]);
    // What a client does by choosing branches, at the place where it is counted.
    const select = (tip: string) => app.database.query('SELECT select_branch($1::uuid, $2::uuid)', [id, tip]);
    const counted = async () => {
      const { rows } = await app.database.query<{ kept: number[]; real: number[] }>(
        `SELECT ARRAY[c.message_count, c.unread_count] AS kept, ARRAY[
           (SELECT count(*)::int FROM messages m WHERE m.conversation_id = c.id AND m.is_current),
           (SELECT count(*)::int FROM messages m WHERE m.conversation_id = c.id AND m.is_current AND m.user_id IS NULL
              AND m.id > c.read_id)] AS real
         FROM conversations c WHERE c.id = $1`,
        [id],
      );
      return rows[0];
    };
    // The authors were changed behind the database's back: the count starts from what is there.
    await app.database.query('UPDATE conversations SET unread_count = 2 WHERE id = $1', [id]);
    for (const step of [
      () => select(questionId),
      () => Promise.all([write(), write()]),
      () => select(written[5] ?? ''),
      () => Promise.all(written.slice(1, 4).map((gone) => owner.rest('DELETE', `/messages/${gone}`))),
      () => select(replyId),
      () => owner.rest('DELETE', `/messages/${replyId}`),
      () => owner.rest('DELETE', `/messages/${questionId}`),
    ]) {
      await step();
      const counts = await counted();
      expect(counts?.kept).toEqual(counts?.real);
    }
  });

  it('is sorted by pins, labels and an archive, which are no activity', async () => {
    const [first = '', second = '', third = ''] = await create(3);
    const UPDATE =
      'mutation ($id: ID!, $input: UpdateConversationInput!) { updateConversation(id: $id, input: $input) { id updatedAt } }';
    const { conversation: before } = await owner.ask<{ conversation: { updatedAt: string } }>(
      `{ conversation(id: "${first}") { updatedAt } }`,
    );
    expect(await owner.ask(UPDATE, { id: first, input: { isPinned: true, label: 'work' } })).toMatchObject({
      updateConversation: before,
    });
    await owner.rest('PATCH', `/conversations/${second}`, { is_archived: true, label: 'home' });
    expect(await owner.rest('PATCH', `/conversations/${second}`, { is_archived: null })).toMatchObject({ status: 422 });
    expect(await owner.rest('PATCH', `/conversations/${second}`, { label: 'x'.repeat(51) })).toMatchObject({
      status: 422,
    });
    const listed = async (filter: string) => {
      const { conversations } = await owner.ask<{ conversations: { nodes: { id: string }[]; totalCount: number } }>(
        `{ conversations${filter && `(${filter})`} { nodes { id } totalCount } }`,
      );
      expect(conversations.totalCount).toBe(conversations.nodes.length);
      return conversations.nodes.map(({ id }) => id);
    };
    expect(await listed('')).toEqual([third, second, first]);
    expect(await listed('isArchived: false')).toEqual([third, first]);
    expect(await listed('isPinned: true')).toEqual([first]);
    expect(await listed('label: "home", isArchived: true')).toEqual([second]);
    expect(await listed('isUnread: true')).toEqual([]);
    const { id: unread } = await answered('unread');
    expect(await listed('isUnread: true')).toEqual([unread]);
    const overRest = async (query: string) => {
      const { body } = await owner.rest('GET', `/conversations?${query}`);
      return (body.data as { conversation_id: string }[]).map(({ conversation_id: id }) => id);
    };
    expect(await overRest('is_archived=false&is_unread=no')).toEqual([third, first]);
    expect(await overRest('label=work&is_pinned=true')).toEqual([first]);
    expect(await owner.ask(`{ me { conversations(isPinned: true, label: "work") { nodes { id } } } }`)).toEqual({
      me: { conversations: { nodes: [{ id: first }] } },
    });
    await owner.rest('PATCH', `/conversations/${first}`, { label: null, is_pinned: false });
    expect(await rowOf(first)).toMatchObject({ isPinned: false, label: null });
  });

  it('takes as many statements for fifty conversations as for five', async () => {
    const PAGE = `query ($first: Int) { conversations(first: $first) { nodes { title unreadCount messageCount lastMessage { text } } } }`;
    const ids = await create(50);
    await Promise.all(
      ids.map((id) =>
        owner.rest('POST', `/conversations/${id}/messages`, { content: { text: id }, message_type: 'user' }),
      ),
    );
    const statements = async (first: number) => {
      const before = await app.queries();
      const { conversations } = await owner.ask<{ conversations: { nodes: { lastMessage: { text: string } }[] } }>(
        PAGE,
        {
          first,
        },
      );
      expect(conversations.nodes.map(({ lastMessage }) => lastMessage.text)).toEqual(
        [...ids].reverse().slice(0, first),
      );
      return (await app.queries()) - before;
    };
    // What the service looks for by itself, twice a second, may come between: it can only add.
    const least = async (first: number) => {
      const counts: number[] = [];
      for (let time = 0; time < 5; time += 1) counts.push(await statements(first));
      return Math.min(...counts);
    };
    expect(await least(50)).toBe(await least(5));
  });

  it('is cleared with the ids of what was deleted', async () => {
    const [mine = '', other = ''] = await create(2);
    const stranger = await signUp(app);
    const theirs = await stranger.createConversation();
    const unknown = '01999999-9999-7999-8999-999999999999';
    expect(await owner.ask(DELETE_LIST, { ids: [mine, theirs, unknown, mine] })).toEqual({
      deleteConversationList: { count: 1, ids: [mine] },
    });
    expect(await idsInPages({})).toEqual([other]);
  });

  it.each(streamingDoors)('tells of what happens in it, over the %s', async (door) => {
    const events = eventsOf('conversationListEvents', owner[door]<Record<string, ListEvent>>(EVENTS));
    // The subscription is live once it has told of a conversation; those made before it was are left out.
    await untilSettled(events.next(), () => owner.createConversation('are you there?'));
    const nextAbout = async (id: string): Promise<ListEvent> => {
      for (;;) {
        const { value } = await events.next();
        if (value === undefined) throw new Error('the events ended');
        if ((value.__typename === 'ConversationDeleted' ? value.conversationId : value.conversation.id) === id)
          return value;
      }
    };
    const stranger = await signUp(app);
    await stranger.createConversation('not yours');
    const id = await owner.createConversation('First');
    expect(await nextAbout(id)).toEqual({ __typename: 'ConversationCreated', conversation: { id, title: 'First' } });
    await owner.ask('mutation ($id: ID!) { updateConversation(id: $id, input: { title: "Second" }) { id } }', { id });
    const updated = { __typename: 'ConversationUpdated', conversation: { id, title: 'Second' } };
    expect(await nextAbout(id)).toEqual(updated);
    await owner.rest('POST', `/conversations/${id}/messages`, { content: { text: 'hello' }, message_type: 'user' });
    expect(await nextAbout(id)).toEqual(updated);
    await owner.ask(DELETE_LIST, { ids: [id] });
    expect(await nextAbout(id)).toEqual({ __typename: 'ConversationDeleted', conversationId: id });
    await events.return();
  });

  it('tells that what a conversation shows last is another message, or says something else', async () => {
    interface Told {
      readonly conversation: { readonly id: string; readonly lastMessage: object | null };
    }
    const events = eventsOf(
      'conversationListEvents',
      owner.webSocket<Record<string, Told>>(
        `subscription { conversationListEvents(after: 0) {
          ... on ConversationCreated { conversation { id lastMessage { id } } }
          ... on ConversationUpdated { conversation { id lastMessage { id status text } } }
        } }`,
      ),
    );
    const [id = ''] = await create(1);
    await events.next();
    const gate = Promise.withResolvers<undefined>();
    app.model.reply({ chunks: ['To the ', 'sea.'], hold: { after: 0, until: gate.promise } });
    const reply = await askModel(owner, id);
    const shown = (status: string, text: string) => ({
      value: { conversation: { id, lastMessage: { id: reply, status, text } } },
    });
    expect(await events.next()).toMatchObject(shown('STREAMING', ''));
    gate.resolve(undefined);
    expect(await events.next()).toMatchObject(shown('COMPLETE', 'To the sea.'));
    await owner.rest('PATCH', `/messages/${reply}`, { content: { text: 'To the lake.' } });
    expect(await events.next()).toMatchObject(shown('COMPLETE', 'To the lake.'));

    const again = await owner.rest('POST', `/messages/${reply}/regenerate`, { wait_for_reply: true });
    expect((await owner.rest('POST', `/messages/${reply}/select`)).status).toBe(200);
    const { message_id: second } = again.body.data as { message_id: string };
    expect((await owner.rest('DELETE', `/messages/${second}`)).status).toBe(200);
    app.model.reply({ error: { status: 400 } });
    const failed = await owner.rest('POST', '/chat', { message: 'broken', conversation_id: id });
    expect(failed.status).toBe(502);
    const [other = ''] = await create(1);
    const told: string[] = [];
    while (told.at(-1) !== other) told.push((await events.next()).value?.conversation.id ?? other);
    // A reply begins and ends, a branch is selected, a message is deleted; a question is asked, and forgotten.
    expect(told).toEqual([id, id, id, id, id, id, other]);
    await events.return();
  });

  it('tells who comes back what was missed, by number', async () => {
    const document = `subscription ($after: Int) {
      conversationListEvents(after: $after) {
        __typename
        ... on ConversationCreated { sequence conversation { id } }
        ... on ConversationUpdated { sequence conversation { id } }
        ... on ConversationDeleted { sequence conversationId }
        ... on EventsExpired { sequence }
      }
    }`;
    const [kept = '', gone = ''] = await create(2);
    await owner.ask('mutation ($id: ID!) { updateConversation(id: $id, input: { title: "other" }) { id } }', {
      id: kept,
    });
    await owner.ask(DELETE_LIST, { ids: [gone] });
    for (const door of streamingDoors) {
      const events = eventsOf('conversationListEvents', owner[door]<Record<string, object>>(document, { after: 1 }));
      expect((await events.next()).value).toEqual({
        __typename: 'ConversationUpdated',
        sequence: 3,
        conversation: { id: kept },
      });
      expect((await events.next()).value).toEqual({
        __typename: 'ConversationDeleted',
        sequence: 4,
        conversationId: gone,
      });
      await events.return();
      const late = eventsOf('conversationListEvents', owner[door]<Record<string, object>>(document, { after: 9 }));
      expect((await late.next()).value).toEqual({ __typename: 'EventsExpired', sequence: 4 });
      await late.return();
    }
  });

  it('has messages that say where in its stream a reply stands, for a client that reloads', async () => {
    const gate = Promise.withResolvers<undefined>();
    app.model.reply({ chunks: ['The ', 'sky ', 'is ', 'blue.'], hold: { after: 2, until: gate.promise } });
    const [conversationId = ''] = await create(1);
    const id = await askModel(owner, conversationId);
    const read = async () =>
      (
        await owner.ask<{ message: { status: string; text: string; sequence: number | null } }>(
          'query ($id: ID!) { message(id: $id) { status text sequence } }',
          { id },
        )
      ).message;
    const reloaded = await eventually(read, ({ text }) => text === 'The sky ');
    expect(reloaded).toMatchObject({ status: 'STREAMING', sequence: expect.any(Number) });
    const rest = readReply(owner, 'webSocket', id, reloaded.sequence ?? 0);
    gate.resolve(undefined);
    expect(reloaded.text + textIn(await rest)).toBe('The sky is blue.');
    expect(await read()).toEqual({ status: 'COMPLETE', text: 'The sky is blue.', sequence: null });
  });
});
