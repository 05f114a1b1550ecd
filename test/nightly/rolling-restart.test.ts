import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import { Agent, request } from 'node:http';
import { connect, createServer } from 'node:net';
import { join } from 'node:path';
import { text as textOf } from 'node:stream/consumers';
import { setTimeout } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { EventSourceParserStream } from 'eventsource-parser/stream';
import { Actor, signUp } from '../support/actor.js';
import { startModelServer, type ModelServer, type ScriptedReply } from '../support/model-server.js';
import { killPrograms, startProgram, withDataDirectory, type Program } from '../support/program.js';
import { askModel, ROOMY_PLANS, storedMessage } from '../support/replies.js';
import { createDatabase, testServerUrl } from '../support/servers.js';

const CLIENTS = 40;
const REQUESTS = Number(process.env['ROLLING_REQUESTS'] ?? 10_000);
const READERS = 4;
/** Replies that last longer than it takes an instance to stop listening, and less than it lets them go on. */
const REPLY: ScriptedReply = { chunks: Array.from({ length: 40 }, (_, index) => `word-${index} `), delayMs: 150 };
const REPLY_TEXT = REPLY.chunks?.join('') ?? '';
/** After so many events a reader's connection is cut; the last one is read to its end. */
const CUTS = [3, 6, 9];
/** The addresses in the example configurations. */
const INSTANCES = [8001, 8002, 8003];

interface Proxy {
  readonly name: string;
  readonly port: number;
  readonly file: string;
  /** Whether it learns that an instance is stopping by requests of a monitor that pass through it. */
  readonly isProbed: boolean;
  /** The command that runs it in the foreground. */
  readonly command: (file: string, directory: string) => readonly [string, ...string[]];
  /** Variables that it is started with. */
  readonly environment?: (front: number, directory: string) => NodeJS.ProcessEnv;
}

const PROXIES: readonly Proxy[] = [
  {
    name: 'haproxy',
    isProbed: false,
    port: 8080,
    file: 'haproxy.cfg',
    command: (file) => ['haproxy', '-db', '-f', file],
  },
  {
    name: 'nginx',
    isProbed: true,
    port: 8081,
    file: 'nginx.conf',
    command: (file, directory) => [
      'nginx',
      '-p',
      directory,
      '-e',
      'stderr',
      '-c',
      file,
      '-g',
      `daemon off; pid ${directory}/nginx.pid;`,
    ],
  },
  {
    name: 'caddy',
    isProbed: false,
    port: 8082,
    file: 'Caddyfile',
    command: (file) => ['caddy', 'run', '--config', file, '--adapter', 'caddyfile'],
    // Without TLS, and with what Caddy keeps in the test's own folder.
    environment: (front, directory) => ({
      ...process.env,
      SITE: `http://127.0.0.1:${front}`,
      XDG_DATA_HOME: directory,
      XDG_CONFIG_HOME: directory,
    }),
  },
];

const server = testServerUrl();
const isInstalled = ({ name }: Proxy) => spawnSync(name, [name === 'caddy' ? 'version' : '-v']).status === 0;

for (const proxy of PROXIES) {
  const suite = server !== undefined && isInstalled(proxy) ? describe : describe.skip;
  suite(`three instances behind ${proxy.name}`, () => {
    let database: Awaited<ReturnType<typeof createDatabase>>;
    let model: ModelServer;
    let running: ChildProcess | undefined;

    beforeEach(async () => {
      database = await createDatabase(server ?? '');
      model = await startModelServer();
    });
    afterEach(async () => {
      if (running?.kill('SIGTERM') === true) await once(running, 'close');
      await killPrograms();
      await model.close();
      await database.drop();
    });

    it('are replaced one after the other under load: no request fails or is done twice, no reply is cut', async () => {
      await withDataDirectory(async (directory) => {
        const ports = await freePorts(INSTANCES.length + 1);
        const [front = 0, ...backs] = ports;
        const start = (port: number) =>
          startProgram({
            NODE_ENV: 'production',
            DATA_DIR: directory,
            PORT: String(port),
            DATABASE_URL: database.url,
            DATABASE_POOL_SIZE: '5',
            REDIS_URL: process.env['TEST_REDIS_URL'],
            REDIS_PREFIX: `rolling-${front}:`,
            SECRET_KEY: 'one key of thirty-two bytes or more',
            TRUSTED_PROXIES: '127.0.0.1',
            PLANS: ROOMY_PLANS,
            OPENAI_BASE_URL: model.url,
            RATE_LIMIT_MESSAGE: '999999/60',
            RATE_LIMIT_CHAT: '999999/60',
            // The default, to which the examples are made.
            DRAIN_SECONDS: '3',
          });
        const instances: Program[] = [];
        for (const port of backs) instances.push(await start(port));
        const file = join(directory, proxy.file);
        await writeFile(file, await configured(proxy, front, backs));
        const [command, ...words] = proxy.command(file, directory);
        running = spawn(command, words, {
          stdio: 'inherit',
          env: proxy.environment?.(front, directory) ?? process.env,
        });
        await accepts(front, running);

        const url = `http://127.0.0.1:${front}`;
        const [first] = instances;
        if (first === undefined) throw new Error('No instance was started');
        const owner = await signUp(first);
        const probes = new AbortController();
        const probing = proxy.isProbed ? probe(`${url}/health/ready`, probes.signal) : [];
        const load = new Load(url, owner, await owner.createConversation());
        const clients = Array.from({ length: CLIENTS }, () => load.run());
        const readers = Array.from({ length: READERS }, () => readReplies(url, owner, model, load));
        let restarts = 0;
        do {
          for (const [index, port] of backs.entries()) {
            const old = instances[index];
            old?.kill('SIGTERM');
            expect(await old?.exited).toEqual({ code: 0, signal: null });
            instances[index] = await start(port);
            restarts += 1;
          }
        } while (load.answered < REQUESTS && load.failures.length === 0);
        load.finish();
        await Promise.all(clients);
        probes.abort();
        expect(await probing).toEqual([]);
        expect(load.failures).toEqual([]);
        expect(load.answered).toBeGreaterThanOrEqual(REQUESTS);
        expect(await load.stored()).toBe(load.answered);
        const replies = (await Promise.all(readers)).flat();
        expect(replies.length).toBeGreaterThanOrEqual(READERS);
        for (const reply of replies) {
          const sequences = Array.from({ length: reply.sequences.length }, (_, index) => index + 1);
          expect(reply).toEqual({ end: 'completed', text: REPLY_TEXT, stored: REPLY_TEXT, sequences });
        }
        process.stdout.write(
          `${proxy.name}: ${load.answered} requests in ${Math.round(load.seconds)} s, ${load.failures.length} failed, ` +
            `${restarts} restarts; ${replies.length} streams, each cut ${CUTS.length} times\n`,
        );
      });
    });
  });
}

/** Stores messages, which nobody may send again for a client, until it is told to finish. */
class Load {
  answered = 0;
  readonly failures: string[] = [];
  readonly #start = performance.now();
  #isLast = false;

  constructor(
    private readonly url: string,
    private readonly owner: Actor,
    private readonly conversationId: string,
  ) {}

  finish(): void {
    this.#isLast = true;
  }

  get isOver(): boolean {
    return this.#isLast;
  }

  get seconds(): number {
    return (performance.now() - this.#start) / 1000;
  }

  /** One client, on one connection as long as the proxy keeps it. */
  async run(): Promise<void> {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    while (!this.isOver) {
      const failure = await this.#post(agent).catch((error: unknown) => String(error));
      if (failure === null) this.answered += 1;
      else this.failures.push(failure);
      if (this.failures.length > 100) break;
    }
    agent.destroy();
  }

  async stored(): Promise<number> {
    const { conversation } = await this.owner.ask<{ conversation: { messages: { totalCount: number } } }>(
      'query ($id: ID!) { conversation(id: $id) { messages { totalCount } } }',
      { id: this.conversationId },
    );
    return conversation.messages.totalCount;
  }

  /** @returns what was answered in place of 200 */
  #post(agent: Agent): Promise<string | null> {
    const headers = { ...this.owner.headers, 'content-type': 'application/json' };
    const path = `/api/v1/conversations/${this.conversationId}/messages`;
    return new Promise((resolve, reject) => {
      const sent = request(`${this.url}${path}`, { method: 'POST', agent, headers }, (response) => {
        textOf(response).then((answer) => {
          resolve(response.statusCode === 200 ? null : `${response.statusCode} ${answer}`);
        }, reject);
      });
      sent.once('error', reject);
      sent.end(JSON.stringify({ content: { text: 'Hello' }, message_type: 'note' }));
    });
  }
}

/** Asks ten times a second, as the examples say that a monitor does. @returns what was not 200 */
async function probe(url: string, signal: AbortSignal): Promise<number[]> {
  const failures: number[] = [];
  while (!signal.aborted) {
    const response = await fetch(url);
    await response.text();
    if (response.status !== 200) failures.push(response.status);
    await setTimeout(100);
  }
  return failures;
}

interface ReadReply {
  /** The type of the last event. */
  readonly end: string | undefined;
  readonly text: string;
  readonly stored: string | null;
  readonly sequences: readonly number[];
}

/** Asks the model and reads its reply over connections that are cut again and again, each in a new conversation, until the load is over. */
async function readReplies(url: string, owner: Actor, model: ModelServer, load: Load): Promise<ReadReply[]> {
  const actor = new Actor(url, owner.credentials);
  actor.token = owner.token;
  const replies: ReadReply[] = [];
  while (!load.isOver) {
    model.reply(REPLY);
    const id = await askModel(actor, await actor.createConversation());
    const events: StreamEvent[] = [];
    for (const count of [...CUTS, Infinity]) await readOn(`${url}/api/v1/messages/${id}/stream`, actor, events, count);
    const { text: stored } = await storedMessage(actor, id);
    const text = events.map(({ type, data }) => (type === 'delta' ? String(data['text']) : '')).join('');
    replies.push({ end: events.at(-1)?.type, text, stored, sequences: events.map(({ id: sequence }) => sequence) });
  }
  return replies;
}

interface StreamEvent {
  readonly id: number;
  readonly type: string | undefined;
  readonly data: Readonly<Record<string, unknown>>;
}

/** Goes on reading where `events` ends, up to so many more, and adds them. */
async function readOn(url: string, { headers }: Actor, events: StreamEvent[], count: number): Promise<void> {
  const last = events.at(-1)?.id;
  const response = await fetch(url, {
    headers: { ...headers, accept: 'text/event-stream', ...(last !== undefined && { 'last-event-id': String(last) }) },
  });
  if (response.status !== 200 || response.body === null)
    throw new Error(`A stream was answered ${response.status}: ${await response.text()}`);
  let left = count;
  const parsed = response.body.pipeThrough(new TextDecoderStream()).pipeThrough(new EventSourceParserStream());
  for await (const { id, event, data } of parsed) {
    events.push({ id: Number(id), type: event, data: JSON.parse(data) as StreamEvent['data'] });
    left -= 1;
    // Leaving the loop cancels the body, which closes the connection.
    if (left === 0) return;
  }
}

/** The example's text with the ports of this test. */
async function configured({ file, port }: Proxy, front: number, backs: readonly number[]): Promise<string> {
  const text = await readFile(`deploy/${file}`, 'utf8');
  return [port, ...INSTANCES].reduce(
    (changed, example, index) => changed.replaceAll(`127.0.0.1:${example}`, `127.0.0.1:${[front, ...backs][index]}`),
    text,
  );
}

async function freePorts(count: number): Promise<number[]> {
  const holders = Array.from({ length: count }, () => createServer().listen(0, '127.0.0.1'));
  await Promise.all(holders.map((holder) => once(holder, 'listening')));
  const ports = holders.map((holder) => {
    const address = holder.address();
    return typeof address === 'object' && address !== null ? address.port : 0;
  });
  for (const holder of holders) holder.close();
  return ports;
}

/** @throws when the proxy ends: its output says why */
async function accepts(port: number, proxy: ChildProcess): Promise<void> {
  while (proxy.exitCode === null) {
    const socket = connect(port, '127.0.0.1');
    const isOpen = await once(socket, 'connect').then(
      () => true,
      () => false,
    );
    socket.destroy();
    if (isOpen) return;
    await setTimeout(50);
  }
  throw new Error(`The proxy ended with ${proxy.exitCode}`);
}
