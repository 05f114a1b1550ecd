import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { signUp, type Actor } from '../support/actor.js';
import { startTestApp, type TestApp } from '../support/app.js';
import { startModelServer, type ModelServer } from '../support/model-server.js';
import { CHANGE_PLAN } from '../support/replies.js';
import { stores } from '../support/servers.js';

const plan = {
  price: 0,
  daily_messages: 1_000,
  daily_tokens: 1_000_000,
  max_conversations: 100,
  max_file_uploads: 100,
};
/** What a model counts for an image at most, as the service reserves it. */
const IMAGE_TOKENS = 1_445;
const PLANS = JSON.stringify({
  free: plan,
  tight: { ...plan, price: 1, daily_tokens: IMAGE_TOKENS },
});
const MODELS = [
  { name: 'seeing', contextTokens: 20_000, maxReplyTokens: 300, takes: ['images', 'tools'], default: true },
  { name: 'blind', contextTokens: 20_000, maxReplyTokens: 300, takes: ['tools'] },
];

const PNG = Buffer.from(
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==',
  'base64',
);
const GIF = Buffer.from('R0lGODlhAQABAAAAACwAAAAAAQABAAA=', 'base64');

const ASK = `mutation ($input: CreateMessageInput!) {
  createMessage(input: $input) { message { id images { id contentType } } reply { id status text } }
}`;
const EDIT = `mutation ($id: ID!, $input: EditMessageInput!) {
  editMessage(id: $id, input: $input) { message { id images { id } } reply { status } }
}`;
const REGENERATE = `mutation ($id: ID!) { regenerateReply(messageId: $id, waitForReply: true) { status } }`;
const DELETE = `mutation ($id: ID!) { deleteUpload(id: $id) { id } }`;
const IMAGES = `query ($id: ID!) { message(id: $id) { images { id } } }`;
const CHAT = `mutation ($input: ChatInput!) { chat(input: $input) { response } }`;

interface Asked {
  readonly createMessage: {
    readonly message: { readonly id: string; readonly images: readonly { readonly id: string }[] };
    readonly reply: { readonly id: string; readonly status: string; readonly text: string };
  };
}

const shownAs = (type: string, bytes: Buffer) => ({
  type: 'image_url',
  image_url: { url: `data:${type};base64,${bytes.toString('base64')}` },
});

describe.each(stores)('images of questions on %s', (on) => {
  let model: ModelServer;
  let app: TestApp;
  let owner: Actor;
  let conversationId: string;
  let png: string;
  let gif: string;

  beforeAll(async () => {
    model = await startModelServer();
    app = await startTestApp({
      stores: on,
      settings: { PLANS, MODELS: JSON.stringify(MODELS.map((one) => ({ ...one, baseUrl: model.url }))) },
    });
    owner = await signUp(app);
    conversationId = await owner.createConversation();
    // The declared type is wrong: the bytes tell.
    png = await upload(owner, PNG, 'application/octet-stream');
    gif = await upload(owner, GIF, 'image/gif');
  });
  afterAll(async () => {
    await app.close();
    await model.close();
  });

  async function upload(actor: Actor, bytes: Buffer, type: string): Promise<string> {
    const form = new FormData();
    form.set('file', new File([new Uint8Array(bytes)], 'picture', { type }));
    const response = await fetch(`${actor.url}/api/v1/uploads`, { method: 'POST', headers: actor.headers, body: form });
    const { data } = (await response.json()) as { readonly data: { readonly upload_id: string } };
    return data.upload_id;
  }
  const inputOf = (more: object) => ({
    conversationId,
    content: { text: 'What is this?' },
    messageType: 'user',
    invokeLlm: true,
    waitForReply: true,
    ...more,
  });
  const ask = async (more: object = {}) => (await owner.ask<Asked>(ASK, { input: inputOf(more) })).createMessage;
  const lastMessages = async () => {
    const { body } = await model.request(model.requests.length - 1);
    return (body as { readonly messages: readonly { readonly role: string; readonly content: unknown }[] }).messages;
  };

  it('are shown to the model with the question, by what their bytes are, and stay with the message', async () => {
    const { message, reply } = await ask({ images: [png, gif] });
    expect(reply.status).toBe('COMPLETE');
    expect((await lastMessages()).at(-1)).toEqual({
      role: 'user',
      content: [{ type: 'text', text: 'What is this?' }, shownAs('image/png', PNG), shownAs('image/gif', GIF)],
    });
    expect(message.images).toEqual([
      { id: png, contentType: 'application/octet-stream' },
      { id: gif, contentType: 'image/gif' },
    ]);
    expect(await owner.ask(IMAGES, { id: reply.id })).toEqual({ message: { images: [] } });
  });

  it('are remembered in the next question, asked again, and kept or left out by another version', async () => {
    const { message, reply } = await ask({ images: [gif] });
    await ask({ content: { text: 'And now?' } });
    const remembered = (await lastMessages()).filter(({ content }) => Array.isArray(content));
    expect(remembered.at(-1)).toEqual({
      role: 'user',
      content: [{ type: 'text', text: 'What is this?' }, shownAs('image/gif', GIF)],
    });
    await owner.ask(REGENERATE, { id: reply.id });
    expect((await lastMessages()).at(-1)?.content).toContainEqual(shownAs('image/gif', GIF));

    const version = (more: object) =>
      owner.ask<{ editMessage: Asked['createMessage'] }>(EDIT, {
        id: message.id,
        input: { content: { text: 'Again?' }, invokeLlm: true, waitForReply: true, ...more },
      });
    expect((await version({})).editMessage.message.images).toEqual([{ id: gif }]);
    expect((await lastMessages()).at(-1)?.content).toContainEqual(shownAs('image/gif', GIF));
    expect((await version({ images: [] })).editMessage.message.images).toEqual([]);
    expect((await lastMessages()).at(-1)).toEqual({ role: 'user', content: 'Again?' });
  });

  it('are shown in a chat that is not stored, and asked for by REST', async () => {
    await owner.ask(CHAT, { input: { message: 'What is this?', images: [png] } });
    expect((await lastMessages()).at(-1)?.content).toContainEqual(shownAs('image/png', PNG));
    const answer = await owner.rest('POST', '/chat', { message: 'What is this?', images: [gif] });
    expect(answer.status).toBe(200);
    expect((await lastMessages()).at(-1)?.content).toContainEqual(shownAs('image/gif', GIF));
  });

  it('that were deleted are shown no more, neither to the model nor with the message', async () => {
    const gone = await upload(owner, PNG, 'image/png');
    const { message } = await ask({ images: [gone] });
    await owner.ask(DELETE, { id: gone });
    expect(await owner.ask(IMAGES, { id: message.id })).toEqual({ message: { images: [] } });
    await ask({ content: { text: 'Still there?' } });
    const before = (await lastMessages()).at(-3);
    expect(before).toEqual({ role: 'user', content: [{ type: 'text', text: 'What is this?' }] });
  });

  it('are left out of the history for a model that takes none, which is not asked with any', async () => {
    await ask({ images: [png] });
    await ask({ model: 'blind', content: { text: 'In words?' } });
    expect((await lastMessages()).every(({ content }) => typeof content === 'string')).toBe(true);
    const { errors } = await owner.graphql(ASK, { input: inputOf({ model: 'blind', images: [png] }) });
    expect(errors?.[0]?.extensions).toMatchObject({
      code: 'BAD_USER_INPUT',
      errors: [{ field: 'input.images', message: 'must be empty for the model blind' }],
    });
  });

  it.each<[string, () => Promise<unknown>, string, string]>([
    [
      "another user's",
      async () => [await upload(await signUp(app), PNG, 'image/png')],
      'input.images.0',
      'is not one of your uploaded files',
    ],
    [
      'no image, whatever type it has',
      async () => [png, await upload(owner, Buffer.from('<svg></svg>'), 'image/png')],
      'input.images.1',
      'must be a PNG, JPEG, GIF or WebP image',
    ],
    [
      'empty',
      async () => [await upload(owner, Buffer.alloc(0), 'image/png')],
      'input.images.0',
      'must be a PNG, JPEG, GIF or WebP image',
    ],
    ['named twice', () => Promise.resolve([png, png]), 'input.images', 'must be different files'],
    ['no id', () => Promise.resolve(['a picture']), 'input.images.0', 'must be a UUID'],
  ])('that are %s are refused, and nothing is stored or asked', async (_, images, field, message) => {
    const asked = model.requests.length;
    const { errors } = await owner.graphql(ASK, { input: inputOf({ images: await images() }) });
    expect(errors?.[0]?.extensions).toMatchObject({ code: 'BAD_USER_INPUT', errors: [{ field, message }] });
    expect(model.requests).toHaveLength(asked);
  });

  it('count against the plan before they are shown', async () => {
    const poor = await signUp(app);
    await poor.ask(CHANGE_PLAN, { plan: 'tight' });
    const image = await upload(poor, PNG, 'image/png');
    const { errors } = await poor.graphql(CHAT, { input: { message: 'What?', images: [image] } });
    expect(errors?.[0]?.extensions).toMatchObject({ code: 'QUOTA_EXCEEDED' });
    expect((await poor.graphql(CHAT, { input: { message: 'What?' } })).errors).toBeUndefined();
  });
});
