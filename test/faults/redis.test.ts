import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Redis } from 'ioredis';
import { signUp } from '../support/actor.js';
import { eventually } from '../support/eventually.js';
import { startModelServer, type ModelServer } from '../support/model-server.js';
import { killPrograms, startInVain, startProgram, type Program } from '../support/program.js';
import { startRedisServer, type RedisServer } from '../support/redis-server.js';
import { askModel, readReply, ROOMY_PLANS, storedMessage, textIn } from '../support/replies.js';

const WORDS = Array.from({ length: 40 }, (_, index) => `word${index} `);
const TEXT = WORDS.join('');

const withRedis = process.env['TEST_REDIS_URL'] === undefined ? describe.skip : describe;

withRedis('Redis', () => {
  let directory: string;
  let model: ModelServer;
  let server: RedisServer;
  let admin: Redis;
  let environment: Record<string, string>;
  let program: Program;

  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'flynkle-redis-'));
    [model, server] = await Promise.all([startModelServer(), startRedisServer(directory)]);
    admin = new Redis(server.url);
    environment = {
      DATA_DIR: join(directory, 'data'),
      REDIS_URL: server.url,
      OPENAI_BASE_URL: model.url,
      PLANS: ROOMY_PLANS,
    };
    program = await startProgram(environment);
  });
  afterAll(async () => {
    admin.disconnect();
    await killPrograms();
    await Promise.all([model.close(), server.close()]);
    await rm(directory, { recursive: true, force: true });
  });

  it.each([
    ['is full', ['CONFIG', 'SET', 'maxmemory', '1'], ['CONFIG', 'SET', 'maxmemory', '0']],
    ['became a replica', ['REPLICAOF', '127.0.0.1', '1'], ['REPLICAOF', 'NO', 'ONE']],
    ['pauses writes', ['CLIENT', 'PAUSE', '3000', 'WRITE'], ['CLIENT', 'UNPAUSE']],
  ] as const)(
    'that %s costs no reply and no acknowledged write',
    async (_, [command, ...args], [heal, ...healArgs]) => {
      const owner = await signUp(program);
      const conversationId = await owner.createConversation();
      const note = (text: string) => ({ content: { text }, message_type: 'note' });
      const path = `/conversations/${conversationId}/messages`;
      const { body } = await owner.rest('POST', path, note('kept'));
      const { message_id: kept } = body.data as { message_id: string };
      const asked = model.requests.length;
      const gate = Promise.withResolvers<undefined>();
      model.reply({ chunks: WORDS, hold: { after: 10, until: gate.promise }, usage: 99 });
      const id = await askModel(owner, conversationId);
      const reading = readReply(owner, 'eventStream', id);
      await model.request(asked);

      await admin.call(command, ...args);
      gate.resolve(undefined);
      const events = await reading;
      expect(textIn(events)).toBe(TEXT);
      expect(events.at(-1)).toMatchObject({ __typename: 'ReplyCompleted', response: TEXT, tokens: 99 });
      expect(await storedMessage(owner, id)).toMatchObject({ status: 'COMPLETE', text: TEXT });
      expect((await owner.rest('PATCH', `/messages/${kept}`, { content: { text: 'changed' } })).status).toBe(200);
      expect(await storedMessage(owner, kept)).toMatchObject({ text: 'changed' });
      // A write that a limit protects is done, or refused and not done.
      const told = await owner.rest('POST', path, note('told'));
      expect([200, 503]).toContain(told.status);

      await admin.call(heal, ...healArgs);
      await eventually(
        () => owner.rest('POST', path, note('after')),
        ({ status }) => status !== 503,
      );
      const list = await owner.rest('GET', path);
      const texts = (list.body.data as { content: { text: string } }[]).map(({ content }) => content.text);
      expect(texts.filter((text) => text === 'told')).toHaveLength(told.status === 200 ? 1 : 0);
      expect(texts.filter((text) => text === 'after')).toHaveLength(1);
    },
  );

  it('with another password is one line at the start', async () => {
    const secret = await startRedisServer(directory, '--requirepass', 'sesame');
    const data = { DATA_DIR: join(directory, 'other') };
    try {
      for (const [url, reason] of [
        [secret.url, /NOAUTH|authentication/i],
        [secret.url.replace('//', '//:wrong@'), /WRONGPASS|invalid/i],
      ] as const) {
        const { code, output } = await startInVain({ ...environment, ...data, REDIS_URL: url });
        expect(code).toBe(1);
        const fatal = output.split('\n').filter((line) => line.includes('"level":"fatal"'));
        expect(fatal).toHaveLength(1);
        expect(fatal[0]).toMatch(reason);
        expect(fatal[0]).toContain('REDIS_URL: ');
        expect(output).not.toMatch(/wrong@|sesame|\n\s+at /);
      }
    } finally {
      await secret.close();
    }
  });
});
