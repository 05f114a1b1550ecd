import { afterEach, describe, expect, it } from '@jest/globals';
import { Actor, collect } from '../support/actor.js';
import { startModelServer } from '../support/model-server.js';
import { killPrograms, startProgram, withDataDirectory, type Program } from '../support/program.js';
import {
  askModel,
  CHAT_EVENTS,
  eventsOf,
  readReply,
  streamingDoors,
  textIn,
  type ReplyEvent,
} from '../support/replies.js';

const QUESTION = 'Which secret fruit do you like?';
const ANSWER = ['A ', 'mango', ', ', 'of ', 'course.'];
const TEXT = ANSWER.join('');
const PASSWORD = 'a password nobody else has';

interface Data {
  readonly data: unknown;
}

/** The output of a program, one parsed line each. @throws when a line is not JSON */
function linesOf(program: Program): readonly Readonly<Record<string, unknown>>[] {
  return program
    .output()
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Readonly<Record<string, unknown>>);
}

describe("a newcomer's walk", () => {
  afterEach(killPrograms);

  it('goes through every door, and finds everything again after a restart', async () => {
    const model = await startModelServer();
    await withDataDirectory(async (directory) => {
      const environment = { DATA_DIR: directory, OPENAI_BASE_URL: model.url, RATE_LIMIT_CHAT: '100/60' };
      const program = await startProgram(environment);
      expect(await (await fetch(`${program.url}/api/v1/health`)).json()).toMatchObject({ data: { status: 'ok' } });

      const newcomer = new Actor(program.url, { email: 'newcomer@example.com', password: PASSWORD });
      const userId = await newcomer.createUser();
      const tokens = await newcomer.login();
      const conversationId = await newcomer.createConversation('Fruit');
      model.reply(...Array.from({ length: 5 }, () => ({ chunks: ANSWER, delayMs: 10, usage: 30 })));

      // GraphQL: a question whose answer is stored, then read as it streams over WebSocket and server-sent events.
      const replyId = await askModel(newcomer, conversationId, QUESTION);
      const streamed = await Promise.all(streamingDoors.map((door) => readReply(newcomer, door, replyId)));
      for (const events of streamed) expect(textIn(events)).toBe(TEXT);
      for (const door of streamingDoors) {
        const input = { message: QUESTION, conversationId };
        const results = newcomer[door]<Record<string, ReplyEvent>>(CHAT_EVENTS, { input });
        expect(textIn(await collect(eventsOf('chat', results)))).toBe(TEXT);
      }

      // REST: the same account, whole and streamed.
      const headers = { 'content-type': 'application/json', ...newcomer.headers };
      expect(
        await newcomer.rest('POST', '/chat', { message: QUESTION, conversation_id: conversationId }),
      ).toMatchObject({
        status: 200,
        body: { code: 200, message: 'Success', data: { response: TEXT, tokens: 30 } },
      });
      const plainText = await fetch(`${program.url}/api/v1/chat?stream=true`, {
        method: 'POST',
        headers,
        body: JSON.stringify({ message: QUESTION }),
      });
      expect(plainText.headers.get('content-type')).toContain('text/plain');
      expect(await plainText.text()).toBe(TEXT);
      const path = `/conversations/${conversationId}/messages`;
      const before = (await newcomer.rest('GET', path)).body as Data;
      expect(before.data).toHaveLength(8);

      program.kill('SIGTERM');
      expect(await program.exited).toEqual({ code: 0, signal: null });
      const restarted = await startProgram(environment);
      const returned = new Actor(restarted.url, newcomer.credentials);
      returned.token = tokens.accessToken;
      expect(await returned.ask('{ me { id email } conversations { nodes { id title } } }')).toEqual({
        me: { id: userId, email: 'newcomer@example.com' },
        conversations: { nodes: [{ id: conversationId, title: 'Fruit' }] },
      });
      expect((await returned.rest('GET', path)).body.data).toEqual(before.data);
      for (const door of streamingDoors) expect(await readReply(returned, door, replyId)).toEqual(streamed[0]);
      const usage = (await returned.rest('GET', '/user/usage')).body as Data;
      expect(usage.data).toEqual([expect.objectContaining({ message_count: 5, token_count: 150 })]);
      const renewed = await returned.login();
      restarted.kill('SIGTERM');
      expect(await restarted.exited).toEqual({ code: 0, signal: null });

      const secrets = [tokens.accessToken, tokens.refreshToken, renewed.accessToken, renewed.refreshToken, PASSWORD];
      for (const run of [program, restarted]) {
        for (const secret of [...secrets, 'secret fruit', 'mango', TEXT]) expect(run.output()).not.toContain(secret);
        const requests = linesOf(run).filter((line) => typeof line['requestId'] === 'string');
        expect(requests.length).toBeGreaterThan(3);
        expect(linesOf(run).filter(({ level }) => level === 'error' || level === 'fatal')).toEqual([]);
      }
    });
    await model.close();
  });
});
