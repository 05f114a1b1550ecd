import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { readReply, ROOMY_PLANS, askModel, usageOf, CHAT, storedMessage } from '../support/replies.js';
import { signUp } from '../support/actor.js';
import { startTestApp, type TestApp } from '../support/app.js';
import { startFaultProxy, type FaultProxy } from '../support/fault-proxy.js';
import { startModelServer, type ModelServer } from '../support/model-server.js';

const LOST = "the connection to the model's provider was lost";
const REFUSED = {
  status: 502,
  body: { code: 502, message: 'OpenAI request failed', data: { source: 'openai', reason: LOST } },
};

describe("a model's provider that cannot be reached", () => {
  let app: TestApp | undefined;
  afterEach(() => app?.close());

  it('because nobody listens there is 502 over REST, and costs nothing', async () => {
    // Port 1 is reserved: a port that was free a moment ago may have another listener by now.
    app = await startTestApp({ settings: { PLANS: ROOMY_PLANS, OPENAI_BASE_URL: 'http://127.0.0.1:1/v1' } });
    const owner = await signUp(app);
    expect(await owner.rest('POST', '/chat', { message: 'Why?' })).toMatchObject(REFUSED);
    expect((await usageOf(owner)).today).toEqual({ messageCount: 0, tokenCount: 0 });
  });

  describe('through a network that fails', () => {
    let model: ModelServer;
    let proxy: FaultProxy;

    beforeEach(async () => {
      model = await startModelServer();
      proxy = await startFaultProxy({ host: '127.0.0.1', port: Number(new URL(model.url).port) });
      app = await startTestApp({
        settings: { PLANS: ROOMY_PLANS, OPENAI_BASE_URL: `http://127.0.0.1:${proxy.port}/v1` },
      });
    });
    afterEach(async () => {
      await proxy.close();
      await model.close();
    });

    it('is 502 while it fails, and answers again afterwards', async () => {
      if (app === undefined) throw new Error('beforeEach starts it');
      const owner = await signUp(app);
      proxy.refuse();
      expect(await owner.rest('POST', '/chat', { message: 'Why?' })).toMatchObject(REFUSED);
      const id = await askModel(owner, await owner.createConversation());
      expect(await readReply(owner, 'eventStream', id)).toMatchObject([
        { __typename: 'ReplyFailed', code: 'UPSTREAM_FAILED', reason: LOST },
      ]);
      expect(await storedMessage(owner, id)).toMatchObject({ status: 'FAILED' });
      proxy.heal();
      expect(await owner.rest('POST', '/chat', { message: 'Why?' })).toMatchObject({ status: 200 });
    });

    it('is tried again when its answer is swallowed and the connection breaks', async () => {
      if (app === undefined) throw new Error('beforeEach starts it');
      const owner = await signUp(app);
      proxy.mute();
      const chat = owner.ask<{ chat: { response: string } }>(CHAT, { input: { message: 'Why?' } });
      await model.request(0);
      proxy.heal();
      expect((await chat).chat.response).toBe('Hello from the model.');
      expect(model.requests).toHaveLength(2);
    });
  });
});
