import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { signUp, type Actor, type RestAnswer } from '../support/actor.js';
import { startTestApp, type TestApp } from '../support/app.js';
import { stores } from '../support/servers.js';
import * as wire from '../support/wire.js';

const MESSAGE = { content: { text: 'x' }, message_type: 'user' };
const QUESTION = { message: 'hello' };

const plansOf = (messages: number) =>
  JSON.stringify({
    free: { price: 0, daily_messages: messages, daily_tokens: 1_000_000, max_conversations: 9, max_file_uploads: 0 },
  });

function expectLimited(answer: RestAnswer, message: string): void {
  wire.expectError(answer, 429, message);
  const seconds = answer.headers.get('retry-after') ?? '';
  expect(seconds).toMatch(/^[0-9]+$/);
  expect(Number(seconds)).toBeGreaterThanOrEqual(1);
  expect(Number(seconds)).toBeLessThanOrEqual(60);
}

describe.each(stores)('the rate limits of REST on %s', (on) => {
  let app: TestApp;

  const begin = async (actor: Actor) =>
    wire.dataOf(await actor.rest('POST', '/conversations', {}), wire.conversation).conversation_id;
  const writer = async (actor: Actor) => {
    const conversationId = await begin(actor);
    return (extra: object = {}) =>
      actor.rest('POST', `/conversations/${conversationId}/messages`, { ...MESSAGE, ...extra });
  };
  const times = async (count: number, send: () => Promise<RestAnswer>) => {
    for (let index = 0; index < count; index++) expect((await send()).status).toBe(200);
  };

  describe('as they are by default', () => {
    beforeAll(async () => {
      const settings = {
        RATE_LIMIT_CHAT: undefined,
        RATE_LIMIT_MESSAGE: undefined,
        RATE_LIMIT_LOGIN: undefined,
        PLANS: plansOf(1000),
      };
      app = await startTestApp({ stores: on, settings });
    });
    afterAll(() => app.close());

    it('let five chats through in a minute, streamed ones among them', async () => {
      const actor = await signUp(app);
      await times(5, () => actor.rest('POST', '/chat', QUESTION));
      expectLimited(await actor.rest('POST', '/chat', QUESTION), 'Too many requests');
      expectLimited(await actor.rest('POST', '/chat?stream=true', QUESTION), 'Too many requests');
      await times(1, async () => (await signUp(app)).rest('POST', '/chat', QUESTION));
    });

    it('let five messages through in a minute', async () => {
      const actor = await signUp(app);
      const write = await writer(actor);
      await times(5, write);
      expectLimited(await write(), 'Too many messages');
      const [id] = (await actor.rest('GET', '/conversations')).body.data as { conversation_id: string }[];
      const stored = await actor.rest('GET', `/conversations/${id?.conversation_id ?? ''}/messages`);
      expect(stored.body.data).toHaveLength(5);
    });

    it('count replies that messages ask for among the chats', async () => {
      const actor = await signUp(app);
      await times(4, () => actor.rest('POST', '/chat', QUESTION));
      const write = await writer(actor);
      await times(1, () => write({ invoke_llm: true }));
      expectLimited(await write({ invoke_llm: true }), 'Too many requests');
      await times(1, write);
    });
  });

  describe('beside the limits of the plan', () => {
    beforeAll(async () => {
      const settings = { RATE_LIMIT_CHAT: '2/60', RATE_LIMIT_MESSAGE: '2/60', PLANS: plansOf(2) };
      app = await startTestApp({ stores: on, settings });
    });
    afterAll(() => app.close());

    it('come after them on chat', async () => {
      const actor = await signUp(app);
      await times(2, () => actor.rest('POST', '/chat', QUESTION));
      wire.expectError(await actor.rest('POST', '/chat', QUESTION), 403, 'Upgrade required');
    });

    it('come before them on messages', async () => {
      const write = await writer(await signUp(app));
      await times(2, write);
      expectLimited(await write(), 'Too many messages');
    });
  });
});
