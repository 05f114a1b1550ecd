import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { EventSourceParserStream } from 'eventsource-parser/stream';
import pg from 'pg';
import { Actor, signUp } from '../support/actor.js';
import { eventually } from '../support/eventually.js';
import { startModelServer } from '../support/model-server.js';
import { startProgram, withDataDirectory, type Program } from '../support/program.js';
import { startRedisServer } from '../support/redis-server.js';
import { buildRelease, hasRelease, release, releasedFile } from '../support/released-build.js';
import { eventsOf, ROOMY_PLANS } from '../support/replies.js';
import { createDatabase, testServerUrl } from '../support/servers.js';

/** What each client is to have done before the next step is taken. */
const ROUNDS = Number(process.env['SIDE_BY_SIDE_ROUNDS'] ?? 8);
const WORDS = Array.from({ length: 20 }, (_, index) => `word-${index} `);
const TEXT = WORDS.join('');

/** Documents of the last release: it answers them, too. */
const NOTE = `mutation ($input: CreateMessageInput!) { createMessage(input: $input) { message { id } reply { id } } }`;
const MESSAGES = `query ($id: ID!, $after: String) {
  conversation(id: $id) { messages(first: 100, after: $after) { totalCount pageInfo { endCursor hasNextPage } nodes { id text status messageType } } }
}`;
const REPLY = `subscription ($id: ID!, $after: Int) {
  reply(messageId: $id, after: $after) {
    __typename
    ... on ReplyDelta { sequence text }
    ... on ReplyCompleted { sequence response }
    ... on ReplyFailed { sequence code reason }
  }
}`;

interface Event {
  readonly __typename: string;
  readonly sequence: number;
  readonly text?: string;
  readonly code?: string;
}

interface Message {
  readonly id: string;
  readonly text: string | null;
  readonly status: string;
  readonly messageType: string;
}

/** What stands before the instances: it sends each call to the next one. The last release does not tell it that it stops. */
class Front {
  readonly #programs = new Set<Program>();
  #turn = 0;

  add(program: Program): void {
    this.#programs.add(program);
  }

  takeOut(program: Program): void {
    this.#programs.delete(program);
  }

  next(): string {
    const program = [...this.#programs][this.#turn++ % this.#programs.size];
    if (program === undefined) throw new Error('There is no instance');
    return program.url;
  }
}

/** One user's client, which acts over and over, each time at the next instance. */
class Client {
  /** Texts of the messages that were acknowledged. */
  readonly sent: string[] = [];
  readonly faults: string[] = [];
  rounds = 0;
  calls = 0;

  constructor(
    readonly name: string,
    private readonly front: Front,
    private readonly user: Actor,
    readonly conversationId: string,
    private readonly act: (client: Client, text: string) => Promise<void>,
  ) {}

  /** The user, at the next instance. */
  get somewhere(): Actor {
    this.calls += 1;
    return Object.assign(new Actor(this.front.next(), this.user.credentials), { token: this.user.token });
  }

  async run(isOver: () => boolean): Promise<void> {
    while (!isOver() && this.faults.length < 5) {
      const text = `${this.name} ${this.rounds}`;
      try {
        await this.act(this, text);
        this.sent.push(text);
      } catch (error) {
        this.faults.push(`${text}: ${String(error)}`);
      }
      this.rounds += 1;
    }
  }
}

async function noteOverRest(client: Client, text: string): Promise<void> {
  const { status, body } = await client.somewhere.rest('POST', `/conversations/${client.conversationId}/messages`, {
    content: { text },
    message_type: 'note',
  });
  if (status !== 200) throw new Error(JSON.stringify(body));
}

async function noteOverGraphql(client: Client, text: string): Promise<void> {
  const input = { conversationId: client.conversationId, content: { text }, messageType: 'note' };
  await client.somewhere.ask(NOTE, { input });
}

async function chatOverRest(client: Client, text: string): Promise<void> {
  const { status, body } = await client.somewhere.rest('POST', '/chat', {
    message: text,
    conversation_id: client.conversationId,
  });
  const { response } = (body.data ?? {}) as { response?: string };
  if (status !== 200 || response !== TEXT) throw new Error(JSON.stringify(body));
}

async function chatStreamOverRest(client: Client, text: string): Promise<void> {
  const { url, headers } = client.somewhere;
  const response = await fetch(`${url}/api/v1/chat?stream=true`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', accept: 'text/event-stream', ...headers },
    body: JSON.stringify({ message: text, conversation_id: client.conversationId }),
  });
  if (response.status !== 200 || response.body === null) throw new Error(`${response.status} ${await response.text()}`);
  const events: { event: string | undefined; data: string }[] = [];
  const parsed = response.body.pipeThrough(new TextDecoderStream()).pipeThrough(new EventSourceParserStream());
  for await (const { event, data } of parsed) events.push({ event, data });
  const said = events.map(({ data }) => data).join(' ');
  if (!WORDS.every((word) => said.includes(word.trim()))) throw new Error(`it lacks words: ${JSON.stringify(events)}`);
}

/** Asks at one instance, follows the reply at the next, and after a cut at the one after that. */
function askAndFollow(door: 'webSocket' | 'eventStream') {
  return async (client: Client, text: string): Promise<void> => {
    const input = { conversationId: client.conversationId, content: { text }, messageType: 'user', invokeLlm: true };
    const { createMessage } = await client.somewhere.ask<{ createMessage: { reply: { id: string } } }>(NOTE, { input });
    const events: Event[] = [];
    for (const most of [4, Infinity]) {
      const variables = { id: createMessage.reply.id, after: events.at(-1)?.sequence ?? 0 };
      const stream = eventsOf('reply', client.somewhere[door]<Record<string, Event>>(REPLY, variables));
      for await (const event of stream) if (events.push(event) >= most) break;
    }
    const read = events.map((event) => event.text ?? '').join('');
    const isWhole = events.every(({ sequence }, index) => sequence === index + 1);
    if (read !== TEXT || !isWhole || events.at(-1)?.__typename !== 'ReplyCompleted')
      throw new Error(`it was read as ${JSON.stringify(events)}`);
  };
}

interface Page {
  readonly totalCount: number;
  readonly pageInfo: { readonly endCursor: string; readonly hasNextPage: boolean };
  readonly nodes: readonly Message[];
}

async function messagesOf(user: Actor, id: string): Promise<readonly Message[]> {
  const page = async (after: string | null): Promise<Page> =>
    (await user.ask<{ conversation: { messages: Page } }>(MESSAGES, { id, after })).conversation.messages;
  let last = await page(null);
  const found = [...last.nodes];
  while (last.pageInfo.hasNextPage) {
    last = await page(last.pageInfo.endCursor);
    found.push(...last.nodes);
  }
  expect(last.totalCount).toBe(found.length);
  return found;
}

const server = testServerUrl();
if (!hasRelease)
  process.stderr.write(
    `The commit of ${release.version} is not in this clone: fetch its history (git fetch --unshallow).\n`,
  );

(hasRelease ? describe : describe.skip)('the last release', () => {
  it.each(['schema.graphql', 'openapi.json'])('is the commit that %s is from', async (name) => {
    expect(releasedFile(`schema/${name}`)).toBe(await readFile(`schema/released/${name}`, 'utf8'));
  });
});

(hasRelease && server !== undefined ? describe : describe.skip)(`${release.version} and what comes after it`, () => {
  it('answer side by side under load, from before the migrations until the old one is stopped', () =>
    withDataDirectory(async (directory) => {
      const old = await buildRelease();
      const model = await startModelServer();
      const redis = await startRedisServer(directory);
      const database = await createDatabase(server ?? '');
      const front = new Front();
      try {
        const settings = {
          DATA_DIR: join(directory, 'data'),
          DATABASE_URL: database.url,
          REDIS_URL: redis.url,
          SECRET_KEY: 'one key of thirty-two bytes or more',
          OPENAI_BASE_URL: model.url,
          OPENAI_API_KEY: 'sk-test',
          PLANS: ROOMY_PLANS,
          RATE_LIMIT_MESSAGE: '999999/60',
          RATE_LIMIT_CHAT: '999999/60',
          DRAIN_SECONDS: '3',
        };
        const before = await startProgram(settings, [], old.folder);
        front.add(before);
        const acts = {
          noteOverRest,
          noteOverGraphql,
          chatOverRest,
          chatStreamOverRest,
          overWebSocket: askAndFollow('webSocket'),
          overEventStream: askAndFollow('eventStream'),
        };
        model.reply(...Array.from({ length: 10_000 }, () => ({ chunks: WORDS, delayMs: 50 })));
        const users = await Promise.all(Object.keys(acts).map(() => signUp(before)));
        const clients = await Promise.all(
          Object.entries(acts).map(async ([name, act], index) => {
            const user = users[index];
            if (user === undefined) throw new Error('There is no user');
            return new Client(name, front, user, await user.createConversation(), act);
          }),
        );
        const load = { isOver: false };
        const running = clients.map((client) => client.run(() => load.isOver));
        const progress = async (read: (client: Client) => number, more: number) => {
          const wanted = clients.map((client) => read(client) + more);
          await eventually(
            () => Promise.resolve(clients),
            () => clients.every((client, index) => read(client) >= (wanted[index] ?? 0) || client.faults.length > 0),
          );
        };
        const rounds = () => progress((client) => client.rounds, ROUNDS);
        const faults = () => clients.flatMap((client) => client.faults);

        await rounds();
        expect(faults()).toEqual([]);
        const after = await startProgram(settings);
        expect(faults()).toEqual([]);
        front.add(after);
        await rounds();
        expect(faults()).toEqual([]);
        front.takeOut(before);
        // Who calls again has been answered: all that the old one has left to do is to write replies that are read elsewhere.
        await progress(({ calls }) => calls, 1);
        before.kill('SIGTERM');
        expect(await before.exited).toEqual({ code: 0, signal: null });
        await rounds();
        load.isOver = true;
        await Promise.all(running);
        expect(faults()).toEqual([]);

        for (const [index, { name, sent, conversationId }] of clients.entries()) {
          const user = Object.assign(new Actor(after.url), { token: users[index]?.token });
          const messages = await messagesOf(user, conversationId);
          const asked = messages.filter(({ messageType }) => messageType !== 'ai');
          expect({ name, texts: asked.map(({ text }) => text) }).toEqual({ name, texts: sent });
          const answers = messages.filter(({ messageType }) => messageType === 'ai');
          expect(answers.map(({ text, status }) => ({ text, status }))).toEqual(
            name.startsWith('note') ? [] : sent.map(() => ({ text: TEXT, status: 'COMPLETE' })),
          );
        }
        expect(await disagreements(database.url)).toEqual([]);
        for (const program of [before, after]) expect(program.output()).not.toMatch(/"level":"?(50|60|error|fatal)/);
        process.stdout.write(`${clients.map(({ name, sent }) => `${name}: ${sent.length}`).join(', ')}\n`);
        after.kill('SIGTERM');
        expect(await after.exited).toEqual({ code: 0, signal: null });
      } finally {
        await model.close();
        await redis.close();
        await database.drop();
        old.remove();
      }
    }));
});

/** Days whose counters are not the sum of their ledger, and conversations whose counts or places are not those of their messages. */
async function disagreements(url: string): Promise<readonly unknown[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    const { rows } = await client.query<{ what: string; id: string; figures: string }>(
      `SELECT 'usage' AS what, d.user_id::text AS id, d.message_count::text || ' / ' || e.messages AS figures
         FROM usage_daily d, LATERAL (
           SELECT count(*) FILTER (WHERE kind IN ('MESSAGE', 'REPLY', 'CHAT')) AS messages, coalesce(sum(tokens), 0) AS tokens,
                  count(*) FILTER (WHERE settled_at IS NULL) AS open
             FROM usage_entries WHERE user_id = d.user_id AND date = d.date) e
        WHERE d.message_count <> e.messages OR d.token_count <> e.tokens OR e.open > 0
       UNION ALL
       SELECT 'conversation', c.id::text, c.message_count::text || ' / ' || m.number FROM conversations c, LATERAL (
           SELECT count(*) AS number, coalesce(max(position), 0) - coalesce(min(position), 0) + 1 AS places FROM messages
            WHERE conversation_id = c.id AND is_current) m
        WHERE c.message_count <> m.number OR m.number <> m.places`,
    );
    return rows;
  } finally {
    await client.end();
  }
}
