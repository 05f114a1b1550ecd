import { once } from 'node:events';
import { Agent, request } from 'node:http';
import { connect } from 'node:net';
import { setTimeout } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { collect, signUp } from '../support/actor.js';
import { eventually, untilSettled } from '../support/eventually.js';
import { startModelServer, type ModelServer } from '../support/model-server.js';
import { killPrograms, startProgram, withDatabaseDirectory } from '../support/program.js';
import { askModel, followReply, ROOMY_PLANS, type StreamingDoor } from '../support/replies.js';

const CHUNKS = ['The ', 'sky ', 'is ', 'blue.'];

async function refusesConnections(url: string): Promise<void> {
  for (;;) {
    const isRefused = await fetch(`${url}/health/live`).then(
      (response) => response.text().then(() => false),
      () => true,
    );
    if (isRefused) return;
    await setTimeout(20);
  }
}

interface Outcome {
  answered: number;
  closing: number;
  readonly failures: string[];
}

/** Posts on one connection, kept alive as long as the service lets it, until no new connection is taken. */
async function postOn(url: string, outcome: Outcome): Promise<void> {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const post = () =>
    new Promise<string | undefined>((resolve, reject) => {
      const headers = { 'content-type': 'application/json' };
      const sent = request(`${url}/graphql`, { method: 'POST', agent, headers }, (response) => {
        response.resume().once('end', () => {
          resolve(response.statusCode === 200 ? response.headers.connection : `status ${response.statusCode}`);
        });
      });
      sent.once('error', reject);
      sent.end(JSON.stringify({ query: 'query Plans { plans { id } }' }));
    });
  try {
    for (;;) {
      const connection = await post();
      outcome.answered += 1;
      if (connection === 'close') outcome.closing += 1;
      else if (connection !== 'keep-alive') outcome.failures.push(String(connection));
    }
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? String(error);
    if (code !== 'ECONNREFUSED') outcome.failures.push(code);
  } finally {
    agent.destroy();
  }
}

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
    await withDatabaseDirectory(async (directory) => {
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
      await refusesConnections(program.url);
      gate.resolve(undefined);
      for (const events of await ended) {
        expect(events.at(-1)).toMatchObject({ __typename: 'ReplyCompleted', response: 'The sky is blue.' });
      }
      expect(await chat).toMatchObject({ status: 200, body: { data: { response: 'The sky is blue.' } } });
      expect(await program.exited).toEqual({ code: 0, signal: null });
    });
  });

  it('sends clients elsewhere before it stops to listen, and resets none of their requests', async () => {
    await withDatabaseDirectory(async (directory) => {
      const program = await startProgram({ DATA_DIR: directory, DRAIN_SECONDS: '300' });
      const probe = async (path: string) => {
        const response = await fetch(`${program.url}${path}`);
        await response.text();
        return { status: response.status, connection: response.headers.get('connection') };
      };
      // Before there is load: a busy instance may be too slow to be called ready.
      expect(await probe('/health/ready')).toEqual({ status: 200, connection: 'keep-alive' });
      const outcomes = Array.from({ length: 40 }, (): Outcome => ({ answered: 0, closing: 0, failures: [] }));
      const clients = outcomes.map((outcome) => postOn(program.url, outcome));
      // Somebody is connected all the time: the clients may all be between two connections for a moment.
      const visitor = connect(Number(new URL(program.url).port), '127.0.0.1');
      await once(visitor, 'connect');
      program.kill('SIGTERM');
      await program.wrote(/shutting down/);
      expect(await probe('/health/ready')).toEqual({ status: 503, connection: 'close' });
      expect(await probe('/health/live')).toEqual({ status: 200, connection: 'close' });
      expect(await probe('/api/v1/health')).toEqual({ status: 503, connection: 'close' });
      await eventually(
        () => Promise.resolve(outcomes),
        (all) => all.every(({ closing }) => closing > 0),
      );
      // Ends the time for that, and nothing else.
      program.kill('SIGINT');
      visitor.destroy();
      await Promise.all(clients);
      expect(outcomes.flatMap(({ failures }) => failures)).toEqual([]);
      expect(await program.exited).toEqual({ code: 0, signal: null });
    });
  });

  it('is quick where nobody is connected, and SIGINT is in any case', async () => {
    await withDatabaseDirectory(async (directory) => {
      const long = { DATA_DIR: directory, DRAIN_SECONDS: '300' };
      const deserted = await startProgram(long);
      deserted.kill('SIGTERM');
      expect(await deserted.exited).toEqual({ code: 0, signal: null });
      const visited = await startProgram(long);
      const agent = new Agent({ keepAlive: true });
      await new Promise<void>((resolve, reject) => {
        request(visited.url, { agent }, (response) => response.resume().once('end', resolve))
          .once('error', reject)
          .end();
      });
      visited.kill('SIGTERM');
      await visited.wrote(/shutting down/);
      visited.kill('SIGINT');
      expect(await visited.exited).toEqual({ code: 0, signal: null });
      agent.destroy();
    });
  });

  it('cuts short a reply that does not end, and exits', async () => {
    await withDatabaseDirectory(async (directory) => {
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
      await withDatabaseDirectory(async (directory) => {
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
