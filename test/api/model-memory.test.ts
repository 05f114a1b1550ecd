import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { signUp, type Actor } from '../support/actor.js';
import { startTestApp, type TestApp } from '../support/app.js';
import { stores } from '../support/servers.js';
import { askModel, CHAT, CREATE_MESSAGE, readReply, ROOMY_PLANS } from '../support/replies.js';

/** About 100 tokens each: six of them with their answers, and an answer of 100 tokens, exceed a context window of 600. */
const REMARK = (number: number) => `Remark ${number}: ${'the quick brown fox jumps over the lazy dog. '.repeat(10)}`;

describe.each(stores)("the model's memory on %s", (on) => {
  let app: TestApp;
  let owner: Actor;

  beforeAll(async () => {
    app = await startTestApp({
      stores: on,
      settings: { PLANS: ROOMY_PLANS, OPENAI_CONTEXT_TOKENS: '600', OPENAI_MAX_REPLY_TOKENS: '100' },
    });
    owner = await signUp(app);
  });
  afterAll(() => app.close());

  const lastPrompt = async () => {
    const { messages } = await app.model.request(app.model.requests.length - 1);
    return messages;
  };

  it('is the system prompt, then what user and model said, oldest first, then the question', async () => {
    const conversationId = await owner.createConversation();
    const add = (messageType: string, content: object) =>
      owner.ask(CREATE_MESSAGE, { input: { conversationId, content, messageType } });
    await add('user', { text: 'My name is Ada.' });
    await add('system', { text: 'a rule that is not of the dialogue' });
    await add('file', { text: 'a file' });
    await add('user', { picture: 'without text' });
    app.model.reply('Hello Ada!', 'Ada.');
    await readReply(owner, 'webSocket', await askModel(owner, conversationId, 'Hello'));
    await owner.ask(CHAT, { input: { conversationId, message: 'What is my name?' } });
    const [system, ...dialogue] = await lastPrompt();
    expect(system?.role).toBe('system');
    expect(system?.content).toContain('You are Flynkle, a witty, personal assistant who speaks like a friend');
    expect(dialogue).toEqual([
      { role: 'user', content: 'My name is Ada.' },
      { role: 'user', content: 'Hello' },
      { role: 'assistant', content: 'Hello Ada!' },
      { role: 'user', content: 'What is my name?' },
    ]);
  });

  it('has what a reply that was cut short had said', async () => {
    const conversationId = await owner.createConversation();
    app.model.reply({ chunks: ['The sky ', 'is blue.'], cutAfter: 1 }, 'Go on.');
    await readReply(owner, 'webSocket', await askModel(owner, conversationId, 'Why?'));
    await readReply(owner, 'webSocket', await askModel(owner, conversationId, 'And?'));
    expect((await lastPrompt()).slice(1)).toEqual([
      { role: 'user', content: 'Why?' },
      { role: 'assistant', content: 'The sky ' },
      { role: 'user', content: 'And?' },
    ]);
  });

  it('is cut from the oldest end to what the context window holds beside the answer', async () => {
    const conversationId = await owner.createConversation();
    for (let number = 1; number <= 8; number++) {
      await owner.ask(CREATE_MESSAGE, {
        input: { conversationId, content: { text: REMARK(number) }, messageType: 'user' },
      });
    }
    await readReply(owner, 'webSocket', await askModel(owner, conversationId, 'Well?'));
    const [system, ...dialogue] = await lastPrompt();
    expect(system?.role).toBe('system');
    const kept = dialogue.slice(0, -1).map(({ content }) => content);
    expect(kept.length).toBeGreaterThan(1);
    expect(kept.length).toBeLessThan(6);
    expect(kept).toEqual([1, 2, 3, 4, 5, 6, 7, 8].map(REMARK).slice(-kept.length));
    expect(dialogue.at(-1)).toEqual({ role: 'user', content: 'Well?' });
  });

  it('is nothing without a conversation', async () => {
    await owner.ask(CHAT, { input: { message: 'Alone?' } });
    const [system, ...dialogue] = await lastPrompt();
    expect(system?.role).toBe('system');
    expect(dialogue).toEqual([{ role: 'user', content: 'Alone?' }]);
  });
});
