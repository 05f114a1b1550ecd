// Measures the doors with streamed answers: `npm run bench:streams [-- --streams 100,1000 --doors rest,sse,websocket
// --readers 1 --seconds 8 --profile folder]`. Stand-in model, service and readers are processes of their own; PostgreSQL and
// Redis are those of TEST_DATABASE_URL and TEST_REDIS_URL, or listen on their usual ports here. The model writes a piece each
// 100 ms, with the time in it. Prints what reaches the readers, how late, and what it costs the service; and the time
// to first text against a relay that does nothing but pass on what the model writes. Takes about 50 s. Needs Linux.
import type { ChildProcess } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import pg from 'pg';
import { signUp, type Actor } from '../support/actor.js';
import { Inspector } from '../support/inspector.js';
import { startProgram, withDataDirectory, type Program } from '../support/program.js';
import { usageOf } from './machine.js';
import { quantile } from './statistics.js';
import { conversationsOf, EVENTS_PER_SECOND, read, startProcess, WITHOUT_LIMITS } from './streams-processes.js';
import type { Door } from './streams-readers.js';

const { values } = parseArgs({
  options: {
    streams: { type: 'string', default: '100,1000' },
    doors: { type: 'string', default: 'rest,sse,websocket' },
    readers: { type: 'string', default: '1' },
    seconds: { type: 'string', default: '5' },
    profile: { type: 'string' },
  },
});
const READERS = Number(values.readers);
const SECONDS = Number(values.seconds);
const DATABASE_SERVER = process.env['TEST_DATABASE_URL'] ?? 'postgresql://postgres@127.0.0.1:5432/postgres';
const REDIS = process.env['TEST_REDIS_URL'] ?? 'redis://127.0.0.1:6379';

async function withDatabase(work: (url: string) => Promise<void>): Promise<void> {
  const name = `bench_streams_${process.pid}`;
  const run = async (sql: string) => {
    const client = new pg.Client(DATABASE_SERVER);
    await client.connect();
    await client.query(sql).finally(() => client.end());
  };
  await run(`CREATE DATABASE ${name}`);
  try {
    await work(Object.assign(new URL(DATABASE_SERVER), { pathname: `/${name}` }).href);
  } finally {
    await run(`DROP DATABASE ${name} WITH (FORCE)`);
  }
}

const LIMITS = { daily_messages: 1_000_000, daily_tokens: 1_000_000_000, max_conversations: 1_000_000 };

async function startService(directory: string, databaseUrl: string, modelUrl: string): Promise<Program> {
  return startProgram({
    DATA_DIR: directory,
    DATABASE_URL: databaseUrl,
    REDIS_URL: REDIS,
    REDIS_PREFIX: `bench-streams-${process.pid}:`,
    ...WITHOUT_LIMITS,
    OPENAI_BASE_URL: modelUrl,
    RATE_LIMIT_CHAT: '1000/1',
    RATE_LIMIT_MESSAGE: '1000/1',
    PLANS: JSON.stringify({ free: { price: 0, ...LIMITS, max_file_uploads: 0 } }),
    NODE_OPTIONS: '--inspect=127.0.0.1:0',
  });
}

const row = (...cells: readonly (string | number)[]) => {
  const texts = cells.map((cell) => (typeof cell === 'number' ? cell.toFixed(cell < 100 ? 2 : 0) : cell));
  console.log(texts.map((text, index) => (index === 0 ? text.padEnd(22) : text.padStart(11))).join(''));
};

interface Stage {
  readonly directory: string;
  readonly databaseUrl: string;
  readonly modelUrl: string;
}

async function withService(
  { directory, databaseUrl, modelUrl }: Stage,
  work: (program: Program, readers: ChildProcess, actor: Actor) => Promise<void>,
): Promise<void> {
  const program = await startService(directory, databaseUrl, modelUrl);
  const { child } = await startProcess('streams-readers');
  try {
    await work(program, child, await signUp(program));
  } finally {
    child.kill();
    program.kill('SIGKILL');
    await program.exited;
  }
}

/** @param count of readers, several of which may follow one reply */
async function measureStreams(stage: Stage, door: Door, count: number): Promise<void> {
  await withService(stage, async (program, readers, actor) => {
    const inspector = await Inspector.open(program.output());
    const base = { door, url: program.url, headers: actor.headers };
    const ids = await conversationsOf(actor, Math.ceil(count / READERS));
    await read(readers, {
      ...base,
      what: 'first',
      conversations: await conversationsOf(actor, 20),
      lanes: 10,
      events: 5,
    });
    const before = { heapKb: await inspector.heapKb(), ...(await usageOf(program.pid)) };
    await read(readers, { ...base, what: 'open', conversations: ids, readers: READERS });
    const opened = await usageOf(program.pid);
    if (values.profile !== undefined) await inspector.startProfile();
    const { lags, refusals = 0 } = await read(readers, { ...base, what: 'measure', seconds: SECONDS });
    if (values.profile !== undefined) {
      await mkdir(values.profile, { recursive: true });
      const file = join(values.profile, `${door}-${count}.cpuprofile`);
      await writeFile(file, JSON.stringify(await inspector.stopProfile()));
    }
    const after = await usageOf(program.pid);
    const heapKb = await inspector.heapKb();
    row(
      `${door}, ${count}`,
      `${Math.round(lags.length / SECONDS)}/${count * EVENTS_PER_SECOND}`,
      quantile(lags, 0.5),
      quantile(lags, 0.99),
      ((after.cpuMs - opened.cpuMs) / lags.length) * 1000,
      (after.cpuMs - opened.cpuMs) / SECONDS / 10,
      (after.residentKb - before.residentKb) / count,
      (heapKb - before.heapKb) / count,
      String(refusals),
    );
    inspector.close();
  });
}

async function measureFirstText(stage: Stage, relayUrl: string): Promise<void> {
  await withService(stage, async (program, readers, actor) => {
    const lanes = 50;
    for (const door of ['rest', 'sse', 'websocket'] as const) {
      const task = { what: 'first', lanes, events: 5, headers: actor.headers } as const;
      const stored = await conversationsOf(actor, 200);
      // The first ones are asked while code is cold.
      await read(readers, { ...task, door, url: program.url, conversations: stored.slice(150) });
      const relayed = await read(readers, {
        ...task,
        door: 'relay',
        url: relayUrl,
        conversations: stored.slice(0, 150),
      });
      const chats = await read(readers, {
        ...task,
        door,
        url: program.url,
        conversations: Array<null>(150).fill(null),
      });
      const kept = await read(readers, { ...task, door, url: program.url, conversations: stored.slice(0, 150) });
      for (const [title, { firsts, lags }] of Object.entries({ relay: relayed, chat: chats, conversation: kept })) {
        row(`${door}, ${title}`, ...[0.5, 0.99].flatMap((part) => [quantile(firsts, part), quantile(lags, part)]));
      }
    }
  });
}

await withDatabase((databaseUrl) =>
  withDataDirectory(async (directory) => {
    const { child: model, first: modelUrl } = await startProcess('streams-model');
    const { child: relay, first: relayUrl } = await startProcess('streams-model', modelUrl);
    const stage = { directory, databaseUrl, modelUrl };
    row('door, readers', 'events/s', 'lag p50', 'p99 ms', 'CPU us/ev', 'core %', 'RSS KB', 'heap KB', 'refused');
    for (const count of values.streams.split(',').filter(Boolean)) {
      for (const door of values.doors.split(',')) await measureStreams(stage, door as Door, Number(count));
    }
    row('first text, 50 lanes', 'p50 ms', 'of it late', 'p99 ms', 'of it late');
    await measureFirstText(stage, relayUrl);
    model.kill();
    relay.kill();
  }),
);
