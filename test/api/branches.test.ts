import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { signUp, type Actor } from '../support/actor.js';
import { startTestApp, type TestApp } from '../support/app.js';
import { branchOf, EDIT, FORK, REGENERATE, SELECT } from '../support/branches.js';
import {
  askModel,
  CHAT,
  CREATE_MESSAGE,
  followReply,
  readReply,
  ROOMY_PLANS,
  storedMessage,
} from '../support/replies.js';
import { eventually } from '../support/eventually.js';
import { ConversationWalk } from '../support/conversation-walk.js';
import { randomFrom } from '../support/random.js';
import { withOtherSession } from '../support/other-session.js';
import { stores } from '../support/servers.js';

interface Created {
  readonly message: { readonly id: string };
  readonly reply: { readonly id: string } | null;
}

interface Regenerated {
  readonly id: string;
}

const DELETE = 'mutation ($id: ID!) { deleteMessage(id: $id) { id } }';

describe.each(stores)('the branches of a conversation on %s', (on) => {
  let app: TestApp;
  let owner: Actor & { readonly userId: string };

  beforeAll(async () => {
    app = await startTestApp({ stores: on, settings: { PLANS: ROOMY_PLANS } });
    owner = await signUp(app);
  });
  afterAll(() => app.close());

  /** Asks, and waits for the answer. */
  const ask = async (conversationId: string, text: string, answer: string, more: object = {}) => {
    app.model.reply(answer);
    const { createMessage } = await owner.ask<{ createMessage: Created }>(CREATE_MESSAGE, {
      input: { conversationId, content: { text }, messageType: 'user', invokeLlm: true, waitForReply: true, ...more },
    });
    return { question: createMessage.message.id, reply: createMessage.reply?.id ?? '' };
  };
  const edit = async (id: string, text: string, answer: string, more: object = {}) => {
    app.model.reply(answer);
    const { editMessage } = await owner.ask<{ editMessage: Created }>(EDIT, {
      id,
      input: { content: { text }, invokeLlm: true, waitForReply: true, ...more },
    });
    return { question: editMessage.message.id, reply: editMessage.reply?.id ?? '' };
  };
  const regenerate = async (id: string, answer: string) => {
    app.model.reply(answer);
    const { regenerateReply } = await owner.ask<{ regenerateReply: Regenerated }>(REGENERATE, {
      id,
      waitForReply: true,
    });
    return regenerateReply.id;
  };
  const select = (id: string) => owner.ask(SELECT, { id });
  const texts = async (conversationId: string) =>
    (await branchOf(owner, conversationId)).messages.map(({ text }) => text);
  const lastPrompt = async () =>
    (await app.model.request(app.model.requests.length - 1)).messages.slice(1).map(({ content }) => content);
  const refusal = async (document: string, variables: object) => {
    const { errors } = await owner.graphql(document, { ...variables });
    return errors?.[0];
  };

  it('an edited question is a version beside the old one, with a branch of its own that the model gets', async () => {
    const id = await owner.createConversation();
    const first = await ask(id, 'Hello', 'Hi!');
    const old = await ask(id, 'Why?', 'Since.');
    await ask(id, 'More?', 'Enough.');
    const edited = await edit(old.question, 'Why not?', 'Sure.');
    expect(await lastPrompt()).toEqual(['Hello', 'Hi!', 'Why not?']);
    const { messages, totalCount, currentLeaf } = await branchOf(owner, id);
    expect(messages.map(({ text }) => text)).toEqual(['Hello', 'Hi!', 'Why not?', 'Sure.']);
    expect(totalCount).toBe(4);
    expect(currentLeaf).toEqual({ id: edited.reply });
    expect(messages[2]).toMatchObject({
      parent: { id: first.reply },
      siblings: { index: 1, totalCount: 2, nodes: [{ id: old.question }, { id: edited.question }] },
    });
    expect(messages[3]).toMatchObject({ parent: { id: edited.question }, replyTo: { id: edited.question } });
    await select(old.question);
    expect(await texts(id)).toEqual(['Hello', 'Hi!', 'Why?', 'Since.', 'More?', 'Enough.']);
    await ask(id, 'Again?', 'No.');
    expect(await lastPrompt()).toEqual(['Hello', 'Hi!', 'Why?', 'Since.', 'More?', 'Enough.', 'Again?']);
  });

  it('the first question can be edited, and a message that the model is not asked', async () => {
    const id = await owner.createConversation();
    const { question } = await ask(id, 'one', 'first');
    const { message } = (
      await owner.ask<{ editMessage: Created }>(EDIT, { id: question, input: { content: { text: 'another one' } } })
    ).editMessage;
    const { messages } = await branchOf(owner, id);
    expect(messages).toMatchObject([{ id: message.id, text: 'another one', parent: null, siblings: { index: 1 } }]);
    expect(await regenerate(message.id, 'an answer, late')).not.toBe('');
    expect(await texts(id)).toEqual(['another one', 'an answer, late']);
  });

  it('an answer that is written once more stands beside the old one, and is given the same prompt', async () => {
    const id = await owner.createConversation();
    await ask(id, 'Hello', 'Hi!');
    const { question, reply } = await ask(id, 'Why?', 'Since.');
    await ask(id, 'More?', 'Enough.');
    const again = await regenerate(reply, 'Because.');
    expect(await lastPrompt()).toEqual(['Hello', 'Hi!', 'Why?']);
    const { messages } = await branchOf(owner, id);
    expect(messages.map(({ text }) => text)).toEqual(['Hello', 'Hi!', 'Why?', 'Because.']);
    expect(messages.at(-1)).toMatchObject({
      id: again,
      replyTo: { id: question },
      siblings: { index: 1, totalCount: 2, nodes: [{ id: reply }, { id: again }] },
    });
    await select(reply);
    expect(await texts(id)).toEqual(['Hello', 'Hi!', 'Why?', 'Since.', 'More?', 'Enough.']);
  });

  it('a version is stopped, and followed from the middle, like any reply', async () => {
    const id = await owner.createConversation();
    const { reply } = await ask(id, 'Why?', 'Since.');
    app.model.reply({ chunks: ['Be', 'cause'], stallAfter: 1 });
    const { regenerateReply } = await owner.ask<{ regenerateReply: Regenerated }>(REGENERATE, { id: reply });
    const again = regenerateReply.id;
    const events = followReply(owner, 'webSocket', again);
    expect((await events.next()).value).toMatchObject({ sequence: 1, text: 'Be' });
    const stopped = await owner.rest('POST', `/messages/${again}/stop`);
    expect(stopped.body.data).toMatchObject({ message_id: again, status: 'partial', content: { text: 'Be' } });
    expect((await events.next()).value).toMatchObject({ __typename: 'ReplyFailed', code: 'STOPPED' });
    expect(await texts(id)).toEqual(['Why?', 'Be']);
  });

  // It holds a lock by a connection of its own, which the embedded database has none of.
  const onServers = on === 'servers' ? it : it.skip;
  onServers('a reply that ends waits for whoever hides it, and keeps the day from nobody in the meantime', async () => {
    await withOtherSession(app, async (other) => {
      const conversationId = await owner.createConversation();
      const gate = Promise.withResolvers<undefined>();
      app.model.reply({ chunks: ['One ', 'two'], hold: { after: 0, until: gate.promise } });
      const id = await askModel(owner, conversationId);
      // As an edit of the first question does, before it charges the day.
      await other.query('BEGIN');
      await other.query('SELECT open_branch($1, NULL, NULL, NULL), select_branch($1, $1)', [conversationId]);
      gate.resolve(undefined);
      await other.isWaitedFor();
      await other.query('SELECT FROM usage_daily WHERE user_id = $1 FOR UPDATE NOWAIT', [owner.userId]);
      await other.query('ROLLBACK');
      expect((await readReply(owner, 'eventStream', id)).at(-1)).toMatchObject({ response: 'One two' });
    });
  });

  it('twelve questions at once make one branch, each answer right behind its question', async () => {
    const id = await owner.createConversation();
    const numbers = Array.from({ length: 12 }, (_, index) => index);
    const replies = await Promise.all(numbers.map((number) => askModel(owner, id, `Question ${number}`)));
    await Promise.all(replies.map((reply) => readReply(owner, 'eventStream', reply)));
    const { messages } = await branchOf(owner, id);
    expect(messages).toHaveLength(24);
    for (const [index, message] of messages.entries()) {
      expect(message.parent?.id).toBe(messages[index - 1]?.id);
      if (index % 2 === 1) expect(message.replyTo?.id).toBe(messages[index - 1]?.id);
    }
  });

  it('a device that has not seen the end of the branch is told it, on every door, and adds nothing', async () => {
    const id = await owner.createConversation();
    const { question, reply } = await ask(id, 'Hello', 'Hi!');
    const { reply: leaf } = await ask(id, 'Well?', 'Well.', { expectedLeafId: reply });
    const stale = { message: 'The conversation has gone on', extensions: { code: 'CONFLICT', currentLeafId: leaf } };
    const input = { content: { text: 'late' }, expectedLeafId: reply };
    const message = { ...input, conversationId: id, messageType: 'user' };
    expect(await refusal(CREATE_MESSAGE, { input: message })).toMatchObject(stale);
    expect(await refusal(EDIT, { id: question, input })).toMatchObject(stale);
    expect(await refusal(REGENERATE, { id: reply, expectedLeafId: reply })).toMatchObject(stale);
    const chat = { message: 'late', conversationId: id, expectedLeafId: reply };
    expect(await refusal(CHAT, { input: chat })).toMatchObject(stale);
    const overRest = [
      [`/conversations/${id}/messages`, { content: { text: 'late' }, message_type: 'user', expected_leaf_id: reply }],
      [`/messages/${question}/edit`, { content: { text: 'late' }, expected_leaf_id: reply }],
      [`/messages/${reply}/regenerate`, { expected_leaf_id: reply }],
      ['/chat', { message: 'late', conversation_id: id, expected_leaf_id: reply }],
      ['/chat/stream', { message: 'late', conversation_id: id, expected_leaf_id: reply }],
    ] as const;
    for (const [path, body] of overRest) {
      expect((await owner.rest('POST', path, body)).body).toEqual({
        code: 409,
        message: 'The conversation has gone on',
        data: { current_leaf_id: leaf },
      });
    }
    expect(await texts(id)).toEqual(['Hello', 'Hi!', 'Well?', 'Well.']);
    await edit(question, 'Hello again', 'Hi again!', { expectedLeafId: leaf });
    expect(await texts(id)).toEqual(['Hello again', 'Hi again!']);
  });

  it('of devices that answer the same message at once, one is heard', async () => {
    const id = await owner.createConversation();
    const { reply } = await ask(id, 'Hello', 'Hi!');
    const input = { conversationId: id, content: { text: 'me!' }, messageType: 'user', expectedLeafId: reply };
    const answers = await Promise.all(Array.from({ length: 6 }, () => owner.graphql(CREATE_MESSAGE, { input })));
    const codes = answers.flatMap(({ errors }) => errors?.[0]?.extensions.code ?? []);
    expect(codes).toEqual(['CONFLICT', 'CONFLICT', 'CONFLICT', 'CONFLICT', 'CONFLICT']);
    expect(await texts(id)).toEqual(['Hello', 'Hi!', 'me!']);
  });

  it('a deleted message leaves its place to what followed it', async () => {
    const id = await owner.createConversation();
    const { question, reply } = await ask(id, 'Hello', 'Hi!');
    const next = await ask(id, 'Well?', 'Well.');
    await owner.ask(DELETE, { id: reply });
    const { messages, totalCount } = await branchOf(owner, id);
    expect(messages.map(({ text }) => text)).toEqual(['Hello', 'Well?', 'Well.']);
    expect(messages[1]?.parent).toEqual({ id: question });
    expect(totalCount).toBe(3);
    await owner.ask(DELETE, { id: question });
    expect((await branchOf(owner, id)).messages[0]).toMatchObject({ id: next.question, parent: null });
    await owner.ask(DELETE, { id: next.question });
    await owner.ask(DELETE, { id: next.reply });
    expect(await branchOf(owner, id)).toEqual({ messages: [], totalCount: 0, currentLeaf: null });
    await ask(id, 'Anew', 'Yes');
    expect(await texts(id)).toEqual(['Anew', 'Yes']);
  });

  it('a branch whose end is deleted goes on with the version before', async () => {
    const id = await owner.createConversation();
    const { reply } = await ask(id, 'Why?', 'Since.');
    await ask(id, 'More?', 'Enough.');
    const again = await regenerate(reply, 'Because.');
    await owner.ask(DELETE, { id: again });
    expect(await texts(id)).toEqual(['Why?', 'Since.', 'More?', 'Enough.']);
    const other = await regenerate(reply, 'Because, because.');
    await owner.ask(DELETE, { id: reply });
    // It was on another branch: the current one stays.
    expect((await branchOf(owner, id)).currentLeaf).toEqual({ id: other });
  });

  it('an answer that is forgotten over REST, with its question, leaves the branch as it was', async () => {
    const id = await owner.createConversation();
    const { question } = await ask(id, 'Hello', 'Hi!');
    app.model.reply({ error: { status: 400 } });
    const { status } = await owner.rest('POST', '/chat', { message: 'broken', conversation_id: id });
    expect(status).toBe(502);
    expect(await texts(id)).toEqual(['Hello', 'Hi!']);
    const versions = await owner.rest('GET', `/messages/${question}/siblings`);
    expect(versions.body.data).toMatchObject([{ message_id: question }]);
  });

  it('a question that was answered anew meanwhile is not forgotten with its first answer', async () => {
    const id = await owner.createConversation();
    const gate = Promise.withResolvers<undefined>();
    app.model.reply({ reasoning: ['Hm.'], chunks: [], hold: { after: 1, until: gate.promise } });
    const first = owner.rest('POST', '/chat', { message: 'Why?', conversation_id: id });
    const asked = await eventually(
      () => branchOf(owner, id),
      ({ messages }) => messages.length === 2,
    );
    const question = asked.messages[0]?.id ?? '';
    const again = await regenerate(question, 'Because.');
    gate.resolve(undefined);
    expect((await first).status).toBe(502);
    const { messages } = await branchOf(owner, id);
    expect(messages.map(({ id: shown, replyTo }) => [shown, replyTo])).toEqual([
      [question, null],
      [again, { id: question }],
    ]);
    const versions = await owner.rest('GET', `/messages/${again}/siblings`);
    expect(versions.body.data).toMatchObject([{ message_id: again }]);
  });

  it('a fork is a conversation with a copy of the branch, up to a message', async () => {
    const id = await owner.createConversation('a title');
    const { reply } = await ask(id, 'Hello', 'Hi!');
    const old = await ask(id, 'Why?', 'Since.');
    await edit(old.question, 'Why not?', 'Sure.');
    const { forkConversation } = await owner.ask<{ forkConversation: { id: string; title: string } }>(FORK, {
      id: old.reply,
    });
    expect(forkConversation.title).toBe('a title');
    const { messages, totalCount } = await branchOf(owner, forkConversation.id);
    expect(messages.map(({ text }) => text)).toEqual(['Hello', 'Hi!', 'Why?', 'Since.']);
    expect(totalCount).toBe(4);
    expect(forkConversation).toMatchObject({ messageCount: 4, unreadCount: 0 });
    expect(messages.map(({ id: copy }) => copy)).not.toContain(reply);
    expect(messages[3]?.replyTo).toEqual({ id: messages[2]?.id });
    expect(messages[2]?.siblings.totalCount).toBe(1);
    await ask(forkConversation.id, 'And now?', 'Then.');
    expect(await lastPrompt()).toEqual(['Hello', 'Hi!', 'Why?', 'Since.', 'And now?']);
    expect(await texts(id)).toEqual(['Hello', 'Hi!', 'Why not?', 'Sure.']);
  });

  it('a fork in the middle of an answer has what is stored of it, and ends', async () => {
    const id = await owner.createConversation();
    app.model.reply({ chunks: ['Be', 'cause'], stallAfter: 1 });
    const reply = await askModel(owner, id, 'Why?');
    const { forkConversation } = await owner.ask<{ forkConversation: { id: string } }>(FORK, { id: reply });
    const [, copy] = (await branchOf(owner, forkConversation.id)).messages;
    expect(['PARTIAL', 'FAILED']).toContain(copy?.status);
    const events = await readReply(owner, 'webSocket', copy?.id ?? '');
    expect(events.at(-1)).toMatchObject({ __typename: 'ReplyFailed', code: 'INTERRUPTED' });
    expect(await storedMessage(owner, reply)).toMatchObject({ status: 'STREAMING' });
    await owner.rest('POST', `/messages/${reply}/stop`);
  });

  it('REST has the same acts, shows the current branch, and pages it from any cursor', async () => {
    const id = await owner.createConversation();
    await ask(id, 'Hello', 'Hi!');
    const old = await ask(id, 'Why?', 'Since.');
    const list = async () => (await owner.rest('GET', `/conversations/${id}/messages`)).body.data as readonly Wire[];
    app.model.reply('Sure.');
    const edited = await owner.rest('POST', `/messages/${old.question}/edit`, {
      content: { text: 'Why not?' },
      invoke_llm: true,
      wait_for_reply: true,
    });
    expect(edited.status).toBe(200);
    const { message_id: version } = edited.body.data as Wire;
    expect(await list()).toMatchObject([
      { content: { text: 'Hello' }, parent_id: null },
      { content: { text: 'Hi!' } },
      { message_id: version, content: { text: 'Why not?' } },
      { content: { text: 'Sure.' }, reply_to: version, parent_id: version, sequence: null },
    ]);
    const siblings = await owner.rest('GET', `/messages/${version}/siblings`);
    expect(siblings.body.data).toMatchObject([{ message_id: old.question }, { message_id: version }]);
    const selected = await owner.rest('POST', `/messages/${old.reply}/select`);
    expect(selected.body.data).toMatchObject({ conversation_id: id });
    expect((await list()).map(({ content }) => content.text)).toEqual(['Hello', 'Hi!', 'Why?', 'Since.']);
    app.model.reply('Because.');
    const again = await owner.rest('POST', `/messages/${old.reply}/regenerate`, { wait_for_reply: true });
    expect(again.body.data).toMatchObject({
      status: 'complete',
      content: { text: 'Because.' },
      reply_to: old.question,
    });
    const forked = await owner.rest('POST', `/messages/${old.question}/fork`);
    expect(forked.status).toBe(200);
    const exported = await fetch(`${app.url}/api/v1/conversations/export?format=json`, { headers: owner.headers });
    const all = (await exported.json()) as readonly { conversation_id: string; messages: readonly Wire[] }[];
    expect(all.find(({ conversation_id }) => conversation_id === id)?.messages).toHaveLength(7);
    const page = (after: string) =>
      owner.ask<{ messages: { nodes: { text: string }[] } }>(
        'query ($id: ID!, $after: String) { messages(conversationId: $id, after: $after) { nodes { text } } }',
        { id, after: Buffer.from(`1:${after}`).toString('base64url') },
      );
    // The cursor of a message that is on another branch by now: what comes after the last one before it that is on this one.
    expect((await page(old.reply)).messages.nodes).toEqual([{ text: 'Because.' }]);
  });

  it('a reply that streams has the number of its last stored event over REST, and is not changed', async () => {
    const id = await owner.createConversation();
    app.model.reply({ chunks: ['Be', 'cause', ' so'], stallAfter: 2 });
    const reply = await askModel(owner, id, 'Why?');
    const events = followReply(owner, 'webSocket', reply);
    await events.next();
    const { data } = (await owner.rest('GET', `/messages/${reply}`)).body as { data: Wire };
    expect(data.status).toBe('streaming');
    expect(data.sequence).toBeGreaterThanOrEqual(0);
    const resumed = followReply(owner, 'eventStream', reply, data.sequence ?? 0);
    const patched = await owner.rest('PATCH', `/messages/${reply}`, { content: { text: 'mine' } });
    expect(patched.body).toEqual({ code: 409, message: 'The reply is still streaming', data: null });
    await owner.rest('POST', `/messages/${reply}/stop`);
    let text = data.content.text.slice(0);
    for await (const event of resumed) if (event.__typename === 'ReplyDelta') text += event.text;
    expect(text).toBe((await storedMessage(owner, reply)).text);
    expect((await owner.rest('GET', `/messages/${reply}`)).body.data).toMatchObject({ sequence: null });
  });

  it('is one tree with one current branch, whatever three devices do', async () => {
    const walk = new ConversationWalk(app, owner, await owner.createConversation(), randomFrom(11));
    for (let acts = 0; acts < 200;) acts += await walk.step();
    expect([...walk.done.keys()].sort()).toEqual(
      ['ask', 'delete', 'edit', 'fork', 'regenerate', 'select', 'stale', 'stop', 'update', 'write'].sort(),
    );
    expect(walk.prompts).toBeGreaterThan(50);
  });

  it('refuses what has no version, and what is not the caller’s', async () => {
    const id = await owner.createConversation();
    const { question, reply } = await ask(id, 'Hello', 'Hi!');
    const input = { content: { text: 'mine' } };
    expect(await refusal(EDIT, { id: reply, input })).toMatchObject({ extensions: { code: 'BAD_USER_INPUT' } });
    await owner.ask(DELETE, { id: question });
    expect(await refusal(REGENERATE, { id: reply })).toMatchObject({
      message: 'The question of this reply was deleted',
      extensions: { code: 'CONFLICT' },
    });
    const blank = { id: question, input: { content: { text: ' ' }, invokeLlm: true } };
    expect(await refusal(EDIT, blank)).toMatchObject({ extensions: { code: 'BAD_USER_INPUT' } });
    const other = await signUp(app);
    for (const [document, variables] of [
      [EDIT, { id: reply, input }],
      [REGENERATE, { id: reply }],
      [SELECT, { id: reply }],
      [FORK, { id: reply }],
    ] as const) {
      const { errors } = await other.graphql(document, variables);
      expect(errors).toMatchObject([{ message: 'Message not found', extensions: { code: 'NOT_FOUND' } }]);
    }
  });
});

interface Wire {
  readonly message_id: string;
  readonly content: { readonly text: string };
  readonly status: string;
  readonly sequence: number | null;
}
