import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import WebSocket from 'ws';
import { signUp, type Actor } from '../support/actor.js';
import { startModelServer, type ModelServer } from '../support/model-server.js';
import { killPrograms, startProgram, withDatabaseDirectory, type Program } from '../support/program.js';
import { askModel, followReply, ROOMY_PLANS } from '../support/replies.js';

const MESSAGES = 40;
const MESSAGE_BYTES = 250_000;
const ASKS = 60;
/** Less than half of what all answers would take; a process that has just begun to work grows by some of it in any case. */
const MAX_GROWTH = 800_000_000;

const PAGE =
  'query ($id: ID!, $after: String) { messages(conversationId: $id, first: 100, after: $after) { nodes { id text } pageInfo { hasNextPage endCursor } } }';

async function residentBytes({ pid }: Program): Promise<number> {
  const [, kilobytes = '0'] = /^VmRSS:\s+(\d+) kB$/m.exec(await readFile(`/proc/${pid}/status`, 'utf8')) ?? [];
  return Number(kilobytes) * 1_000;
}

afterEach(killPrograms);

describe('answers that nobody reads', () => {
  it('wait up to a bound, over every door, and others go on being served', async () => {
    await withDatabaseDirectory(async (directory) => {
      const program = await startProgram({
        DATA_DIR: directory,
        PLANS: ROOMY_PLANS,
        RATE_LIMIT_MESSAGE: '999999/60',
      });
      const owner = await signUp(program);
      const id = await owner.createConversation();
      const path = `/conversations/${id}/messages`;
      const content = { text: 'x'.repeat(MESSAGE_BYTES) };
      for (let number = 0; number < MESSAGES; number++) {
        expect((await owner.rest('POST', path, { content, message_type: 'note' })).status).toBe(200);
      }
      const before = await residentBytes(program);
      let peak = before;
      const sampling = setInterval(() => {
        void residentBytes(program).then((bytes) => (peak = Math.max(peak, bytes)));
      }, 50);
      const body = JSON.stringify({ query: PAGE, variables: { id } });
      const authorization = owner.headers['authorization'] ?? '';
      const request =
        `POST /graphql HTTP/1.1\r\nHost: x\r\nAuthorization: ${authorization}\r\nContent-Type: application/json\r\n` +
        `Content-Length: ${body.length}\r\n\r\n${body}`;
      const { hostname, port } = new URL(program.url);
      const sockets: Socket[] = [];
      for (const count of [ASKS, ...Array.from({ length: ASKS }, () => 1)]) {
        const socket = connect(Number(port), hostname).pause();
        socket.on('error', () => undefined).write(request.repeat(count));
        sockets.push(socket);
      }
      const webSocket = new WebSocket(`ws://${hostname}:${port}/graphql`, 'graphql-transport-ws');
      webSocket.on('error', () => undefined);
      await once(webSocket, 'open');
      webSocket.send(JSON.stringify({ type: 'connection_init', payload: { authorization } }));
      await once(webSocket, 'message');
      webSocket.pause();
      for (let number = 0; number < ASKS; number++) {
        webSocket.send(
          JSON.stringify({ id: String(number), type: 'subscribe', payload: { query: PAGE, variables: { id } } }),
        );
      }
      await program.wrote(/does not read what it asked for/);
      // Refused while the others are unread: nothing is held for it.
      const refused = await readAll(owner, id).catch((error: unknown) => String(error));
      expect(refused).toContain('Too much waits to be read');
      const other = await signUp(program);
      expect(await other.createConversation()).toBeTruthy();
      clearInterval(sampling);
      expect(peak - before).toBeLessThan(MAX_GROWTH);

      for (const socket of sockets) socket.destroy();
      webSocket.terminate();
      for (;;) {
        const read = await readAll(owner, id).catch(() => undefined);
        if (read === undefined) continue;
        expect(read.length).toBe(MESSAGES);
        break;
      }
      const counted = await owner.rest('GET', `${path}?limit=100`);
      expect([counted.status, counted.body.message]).toEqual([422, 'Validation error']);
      expect(JSON.stringify(counted.body.data)).toContain('limit');
      expect((await owner.rest('GET', `${path}?limit=20`)).status).toBe(200);
    });
  });
});

interface MessagePage {
  readonly messages: {
    readonly nodes: readonly { readonly id: string }[];
    readonly pageInfo: { readonly hasNextPage: boolean; readonly endCursor: string | null };
  };
}

/** The ids of all messages, page by page: a page ends early where its messages are large. */
async function readAll(owner: Actor, id: string): Promise<string[]> {
  const ids = new Set<string>();
  let after: string | null = null;
  for (;;) {
    const page: MessagePage = await owner.ask(PAGE, { id, after });
    for (const node of page.messages.nodes) ids.add(node.id);
    if (!page.messages.pageInfo.hasNextPage) return [...ids];
    after = page.messages.pageInfo.endCursor;
  }
}

describe('overload', () => {
  let model: ModelServer;
  beforeEach(async () => {
    model = await startModelServer();
  });
  afterEach(() => model.close());

  it('is refused early, anonymous requests first; health checks are answered, and streams go on', async () => {
    await withDatabaseDirectory(async (directory) => {
      const program = await startProgram({
        DATA_DIR: directory,
        PLANS: ROOMY_PLANS,
        OPENAI_BASE_URL: model.url,
        RATE_LIMIT_CHAT: '999999/60',
        MAX_REQUESTS: '8',
      });
      const owner = await signUp(program);
      const id = await owner.createConversation();
      const gate = Promise.withResolvers<undefined>();
      const held = { chunks: ['The ', 'sky'], hold: { after: 1, until: gate.promise } };
      model.reply(...Array.from({ length: 9 }, () => held));
      const reader = followReply(owner, 'eventStream', await askModel(owner, id));
      expect((await reader.next()).value).toMatchObject({ text: 'The ' });

      const chat = () => owner.rest('POST', '/chat', { message: 'Why?' });
      const running = Array.from({ length: 6 }, chat);
      await model.request(6);
      const anonymous = await fetch(`${program.url}/graphql?query={plans{id}}`);
      expect([anonymous.status, anonymous.headers.get('retry-after')]).toEqual([503, '2']);
      expect((await owner.rest('GET', '/users/me')).status).toBe(200);
      running.push(chat(), chat());
      await model.request(8);
      const refused = await owner.rest('GET', '/users/me');
      expect([refused.status, refused.headers.get('retry-after')]).toEqual([503, '2']);
      for (const path of ['/health/live', '/health/ready', '/api/v1/health']) {
        expect((await fetch(`${program.url}${path}`)).status).toBe(200);
      }

      gate.resolve(undefined);
      expect((await reader.next()).value).toMatchObject({ text: 'sky' });
      for (const answer of await Promise.all(running)) expect(answer.status).toBe(200);
      expect((await fetch(`${program.url}/graphql?query={plans{id}}`)).status).toBe(200);
      await program.wrote(/no more requests are refused/);
    });
  });
});
