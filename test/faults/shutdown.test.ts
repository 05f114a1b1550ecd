import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { collect, signUp } from '../support/actor.js';
import { untilSettled } from '../support/eventually.js';
import { startModelServer, type ModelServer } from '../support/model-server.js';
import { killPrograms, startProgram, withDataDirectory } from '../support/program.js';
import { askModel, followReply, ROOMY_PLANS, type StreamingDoor } from '../support/replies.js';

const CHUNKS = ['The ', 'sky ', 'is ', 'blue.'];

describe('SIGTERM', () => {
  let model: ModelServer;

  beforeEach(async () => {
    model = await startModelServer();
  });
  afterEach(async () => {
    await killPrograms();
    await model.close();
  });

  it('lets replies, their readers and running requests end, and takes no more', async () => {
    await withDataDirectory(async (directory) => {
      const program = await startProgram({ DATA_DIR: directory, OPENAI_BASE_URL: model.url });
      const owner = await signUp(program);
      const conversationId = await owner.createConversation();
      const gate = Promise.withResolvers<undefined>();
      const held = { chunks: CHUNKS, hold: { after: 2, until: gate.promise } };
      model.reply(held, held);
      const id = await askModel(owner, conversationId);
      const readers = (['webSocket', 'eventStream'] satisfies StreamingDoor[]).map((door) =>
        followReply(owner, door, id),
      );
      for (const reader of readers) await reader.next();
      const ended = Promise.all(readers.map(collect));
      const chat = owner.rest('POST', '/chat', { message: 'Why?' });
      await model.request(1);

      program.kill('SIGTERM');
      await program.wrote(/shutting down/);
      await expect(fetch(`${program.url}/api/v1/health`)).rejects.toThrow();
      gate.resolve(undefined);
      for (const events of await ended) {
        expect(events.at(-1)).toMatchObject({ __typename: 'ReplyCompleted', response: 'The sky is blue.' });
      }
      expect(await chat).toMatchObject({ status: 200, body: { data: { response: 'The sky is blue.' } } });
      expect(await program.exited).toEqual({ code: 0, signal: null });
    });
  });

  it('cuts short a reply that does not end, and exits', async () => {
    await withDataDirectory(async (directory) => {
      const program = await startProgram({ DATA_DIR: directory, OPENAI_BASE_URL: model.url });
      const owner = await signUp(program);
      model.reply({ chunks: CHUNKS, stallAfter: 2 });
      const id = await askModel(owner, await owner.createConversation());
      const reader = followReply(owner, 'webSocket', id);
      await reader.next();
      const rest = collect(reader);
      program.kill('SIGTERM');
      expect(await program.exited).toEqual({ code: 0, signal: null });
      expect((await rest).at(-1)).toMatchObject({
        __typename: 'ReplyFailed',
        code: 'INTERRUPTED',
        partial: 'The sky ',
        message: { id, status: 'PARTIAL' },
      });
    });
  });

  it.each<StreamingDoor>(['webSocket', 'eventStream'])(
    'ends an idle subscription through the %s, and exits at once',
    async (door) => {
      await withDataDirectory(async (directory) => {
        const program = await startProgram({
          DATA_DIR: directory,
          PLANS: ROOMY_PLANS,
          RATE_LIMIT_MESSAGE: '100000/60',
        });
        const owner = await signUp(program);
        const id = await owner.createConversation();
        const results = owner[door](
          'subscription ($id: ID!) { conversationEvents(conversationId: $id) { __typename } }',
          { id },
        );
        const path = `/conversations/${id}/messages`;
        await untilSettled(results.next(), () => owner.rest('POST', path, { content: {}, message_type: 'note' }));
        const rest = collect(results).catch((error: unknown) => error);
        program.kill('SIGTERM');
        expect(await program.exited).toEqual({ code: 0, signal: null });
        expect(Array.isArray(await rest)).toBe(true);
      });
    },
  );
});
