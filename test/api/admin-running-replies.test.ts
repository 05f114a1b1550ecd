import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { collect, signUp } from '../support/actor.js';
import { auditOf, newAdmin, type Someone } from '../support/admins.js';
import { startTestApp, type TestApp } from '../support/app.js';
import { eventually } from '../support/eventually.js';
import {
  askModel,
  CREATE_MESSAGE,
  followReply,
  ROOMY_PLANS,
  storedMessage,
  textIn,
  usageOf,
  type ReplyEvent,
} from '../support/replies.js';
import { stores } from '../support/servers.js';

const LIST = `query ($first: Int, $after: String) {
  runningReplies(first: $first, after: $after) {
    totalCount
    nodes { id conversationId userId model state startedAt isHere }
    pageInfo { hasNextPage endCursor }
  }
}`;
const STOP = `mutation ($id: ID!, $reason: String) {
  adminStopReply(messageId: $id, reason: $reason) { id userId state isHere }
}`;
const HELD = 'The sky is ';

interface Listed {
  readonly runningReplies: {
    readonly totalCount: number;
    readonly nodes: readonly { readonly id: string }[];
    readonly pageInfo: { readonly hasNextPage: boolean; readonly endCursor: string | null };
  };
}

describe.each(stores)('running replies as admins see them, on %s', (on) => {
  let app: TestApp;
  let admin: Someone;
  let owner: Someone;
  let conversationId: string;

  beforeAll(async () => {
    app = await startTestApp({ stores: on, settings: { PLANS: ROOMY_PLANS, TOOL_WAIT_SECONDS: '600' } });
    [admin, owner] = await Promise.all([newAdmin(app), signUp(app)]);
    conversationId = await owner.createConversation();
  });
  afterAll(() => app.close());

  /** A reply of which something has come, and its reader, who has seen that. */
  async function running() {
    app.model.reply({ chunks: ['The ', 'sky ', 'is ', 'blue.'], stallAfter: 3 });
    const id = await askModel(owner, conversationId);
    const reader = followReply(owner, 'webSocket', id);
    const seen: ReplyEvent[] = [];
    do seen.push(...[(await reader.next()).value ?? []].flat());
    while (textIn(seen) !== HELD);
    return { id, reader };
  }

  async function waiting(): Promise<string> {
    app.model.reply({ chunks: [HELD], toolCalls: [{ id: 'call_1', name: 'now', arguments: '{}' }], usage: 7 });
    const input = { conversationId, content: { text: 'Why?' }, messageType: 'user', invokeLlm: true };
    const { createMessage } = await owner.ask<{ createMessage: { reply: { id: string } } }>(CREATE_MESSAGE, {
      input: { ...input, tools: [{ name: 'now' }] },
    });
    const { id } = createMessage.reply;
    await eventually(
      () =>
        owner.ask<{ message: { waitsUntil: string | null } }>('query ($id: ID!) { message(id: $id) { waitsUntil } }', {
          id,
        }),
      ({ message }) => message.waitsUntil !== null,
    );
    return id;
  }

  const list = async (variables: object = {}) =>
    (await admin.ask<Listed>(LIST, { first: 100, ...variables })).runningReplies;
  const stop = async (id: string, reason?: string) =>
    (await admin.ask<{ adminStopReply: object }>(STOP, { id, reason })).adminStopReply;
  const auditOfReply = async (id: string) =>
    (await auditOf(admin, 'REPLY_STOPPED')).filter(({ details }) => details['messageId'] === id);

  it('are listed over both doors and paged, with nothing of what was said, and no more once they have ended', async () => {
    const first = (await running()).id;
    const second = await waiting();
    const listed = await list();
    const reply = { conversationId, userId: owner.userId, model: 'gpt-4o-mini', startedAt: expect.any(String) };
    expect(listed).toMatchObject({
      totalCount: 2,
      nodes: [
        { ...reply, id: second, state: 'WAITING_FOR_TOOLS', isHere: false },
        { ...reply, id: first, state: 'RUNNING', isHere: true },
      ],
    });
    const page = await list({ first: 1 });
    expect(page).toMatchObject({ nodes: [{ id: second }], pageInfo: { hasNextPage: true } });
    expect(await list({ first: 1, after: page.pageInfo.endCursor })).toMatchObject({
      nodes: [{ id: first }],
      pageInfo: { hasNextPage: false },
    });
    const { status, body } = await admin.rest('GET', '/admin/running-replies?limit=1');
    expect({ status, data: body.data }).toEqual({
      status: 200,
      data: [
        {
          message_id: second,
          conversation_id: conversationId,
          user_id: owner.userId,
          model: 'gpt-4o-mini',
          state: 'waiting_for_tools',
          started_at: expect.any(String),
          is_here: false,
        },
      ],
    });
    for (const id of [first, second]) await stop(id);
    expect(await list()).toMatchObject({ totalCount: 0, nodes: [] });
  });

  it.each([
    ['GraphQL', (id: string) => stop(id, 'It goes on and on')],
    [
      'REST',
      async (id: string) => {
        const { body } = await admin.rest('POST', `/admin/running-replies/${id}/stop`, { reason: 'It goes on and on' });
        const { message_id, user_id, state, is_here } = body.data as Record<string, unknown>;
        return { id: message_id, userId: user_id, state: String(state).toUpperCase(), isHere: is_here };
      },
    ],
  ])('are stopped over %s as by their user: what came is kept and charged', async (_, stopIt) => {
    const { id, reader } = await running();
    const answer = { id, userId: owner.userId, state: 'ENDED', isHere: false };
    expect(await stopIt(id)).toEqual(answer);
    expect((await collect(reader)).at(-1)).toMatchObject({
      __typename: 'ReplyFailed',
      code: 'STOPPED',
      reason: 'The reply was stopped',
      partial: HELD,
      message: { id, status: 'PARTIAL', text: HELD },
    });
    const { ledger } = await usageOf(owner);
    expect(ledger[0]).toMatchObject({ source: 'ESTIMATED', messageId: id, settledAt: expect.any(String) });
    expect(ledger[0]?.tokens).toBeGreaterThan(0);
    // A repeat changes nothing.
    expect(await stopIt(id)).toEqual(answer);
    expect(await auditOfReply(id)).toEqual([
      {
        action: 'REPLY_STOPPED',
        actorId: admin.userId,
        subjectId: owner.userId,
        details: { messageId: id, conversationId, reason: 'It goes on and on' },
      },
    ]);
  });

  it('are stopped while they wait for their tools', async () => {
    const id = await waiting();
    expect(await stop(id)).toMatchObject({ state: 'ENDED' });
    expect(await storedMessage(owner, id)).toEqual({ id, status: 'PARTIAL', text: HELD });
    expect(await auditOfReply(id)).toMatchObject([{ details: { messageId: id, conversationId } }]);
  });

  it('are stopped once by admins who all stop them at once', async () => {
    const { id, reader } = await running();
    const answers = await Promise.all(Array.from({ length: 10 }, () => stop(id)));
    expect(answers).toEqual(Array(10).fill(expect.objectContaining({ state: 'ENDED' })));
    expect((await collect(reader)).filter(({ __typename }) => __typename === 'ReplyFailed')).toHaveLength(1);
    expect(await auditOfReply(id)).toHaveLength(1);
  });

  it('stay as they are once they are complete, and what is no reply is not found', async () => {
    app.model.reply('Because.');
    const id = await askModel(owner, conversationId);
    await eventually(
      () => storedMessage(owner, id),
      ({ status }) => status === 'COMPLETE',
    );
    expect((await admin.rest('POST', `/admin/running-replies/${id}/stop`)).body.data).toMatchObject({ state: 'ended' });
    expect(await storedMessage(owner, id)).toMatchObject({ status: 'COMPLETE', text: 'Because.' });
    expect(await auditOfReply(id)).toEqual([]);
    const { createMessage } = await owner.ask<{ createMessage: { message: { id: string } } }>(CREATE_MESSAGE, {
      input: { conversationId, content: { text: 'a note' }, messageType: 'user' },
    });
    for (const other of [createMessage.message.id, conversationId, crypto.randomUUID()]) {
      const { errors } = await admin.graphql(STOP, { id: other });
      expect(errors).toMatchObject([{ message: 'Reply not found', extensions: { code: 'NOT_FOUND' } }]);
    }
    expect((await admin.graphql(STOP, { id: 'x' })).errors?.[0]?.extensions.code).toBe('BAD_USER_INPUT');
    const tooLong = await admin.rest('POST', `/admin/running-replies/${id}/stop`, { reason: 'x'.repeat(501) });
    expect([tooLong.status, JSON.stringify(tooLong.body)]).toEqual([422, expect.stringContaining('at most 500')]);
  });
});
