// What streamed replies cost the service: beside a bare loop of writes where many read one reply, and by the thousand with a
// reader each.
import type { ChildProcess } from 'node:child_process';
import { setTimeout as delay } from 'node:timers/promises';
import { signUp, type Actor } from '../support/actor.js';
import { Inspector } from '../support/inspector.js';
import { killAtEnd } from './leave-nothing.js';
import { processCpuMs } from './machine.js';
import { startProduct, startServer, type Server } from './product.js';
import { median, quantile, spreadOf, type Spread } from './statistics.js';
import { conversationsOf, EVENTS_PER_SECOND, read, startProcess, WITHOUT_LIMITS } from './streams-processes.js';

const DOORS = ['rest', 'sse', 'websocket'] as const;
export type StreamDoor = (typeof DOORS)[number];

/** For an event and a reader, of which many read one reply. */
export interface SharedFigures {
  readonly cpuUs: Spread;
  /** What a loop takes that does nothing but write as many bytes to as many readers. */
  readonly bareUs: Spread;
  /** The one over the other, round by round. */
  readonly ratio: number;
}

/** The figures of replies that run at once, each with a reader. */
export interface RunningFigures {
  readonly count: number;
  /** Events a second: those that the model wrote, and those that reached the readers. */
  readonly written: number;
  readonly read: number;
  readonly cpuUs: number;
  /** Milliseconds of an event from the model's socket to its reader's. */
  readonly p50: number;
  readonly p99: number;
  /** Left in the heap for each after a garbage collection. */
  readonly heapKb: number;
}

/** By door. */
export interface StreamsResult {
  readonly shared: Readonly<Record<StreamDoor, SharedFigures>>;
  readonly running: Readonly<Partial<Record<StreamDoor, RunningFigures>>>;
}

interface Effort {
  readonly rounds: number;
  readonly seconds: number;
  /** How long streams are open before they are measured: to open them is a figure of its own, of idle subscriptions. */
  readonly settleMs: number;
  /** Replies that run at once; with 0, they are left out. */
  readonly count: number;
}

const SHARED_REPLIES = 8;
const READERS = 50;

export async function streamFigures(
  databaseUrl: string,
  effort: Effort,
  log: (line: string) => void,
): Promise<StreamsResult> {
  const { child: model, first: modelUrl } = await startProcess('streams-model');
  const { child: readers } = await startProcess('streams-readers');
  const ends = [model, readers].map((child) => {
    const forget = killAtEnd(child.pid);
    return () => {
      child.kill();
      forget();
    };
  });
  try {
    const environment = { ...WITHOUT_LIMITS, OPENAI_BASE_URL: modelUrl };
    const product = await startProduct({ databaseUrl, flags: ['--inspect=127.0.0.1:0'], environment });
    try {
      const stage = { product, actor: await signUp(product), model, readers, effort, log };
      // First, since a process whose replies have just begun runs code that is not compiled yet, which no other figure counts.
      const running = effort.count === 0 ? {} : await runningFigures(stage);
      return { shared: await sharedFigures(stage), running };
    } finally {
      await product.stop();
    }
  } finally {
    for (const end of ends) end();
  }
}

interface Stage {
  readonly product: Server;
  readonly actor: Actor;
  readonly model: ChildProcess;
  readonly readers: ChildProcess;
  readonly effort: Effort;
  readonly log: (line: string) => void;
}

async function sharedFigures(stage: Stage): Promise<StreamsResult['shared']> {
  const { product, actor, model, readers, effort, log } = stage;
  const bare = await startServer({ command: ['test/load/streams-bare.ts'], path: '/live', environment: {} });
  try {
    /** @returns microseconds of CPU for an event and reader, and the characters of an event */
    const measure = async (door: StreamDoor, isBare: boolean, seconds: number) => {
      const { url, pid } = isBare ? bare : product;
      const conversations = isBare
        ? Array.from({ length: SHARED_REPLIES }, (_, index) => `${door}/${index}`)
        : await conversationsOf(actor, SHARED_REPLIES);
      const target = { door: isBare ? 'bare' : door, url, headers: actor.headers } as const;
      await read(readers, { ...target, what: 'open', conversations, readers: READERS });
      await delay(effort.settleMs);
      const before = await processCpuMs(pid);
      const { lags, characters = 0 } = await read(readers, { ...target, what: 'measure', seconds });
      const cpuUs = (((await processCpuMs(pid)) - before) * 1_000) / lags.length;
      if (isBare) await fetch(`${url}/end`, { method: 'POST' });
      else model.send('end');
      await read(readers, { ...target, what: 'leave' });
      return { cpuUs, size: characters / lags.length };
    };
    const results: [StreamDoor, SharedFigures][] = [];
    for (const door of DOORS) {
      for (const isBare of [false, true]) await measure(door, isBare, 1);
      const [ours, bares]: [number[], number[]] = [[], []];
      for (let round = 0; round < effort.rounds; round++) {
        for (const isBare of round % 2 === 0 ? [false, true] : [true, false]) {
          const { cpuUs, size } = await measure(door, isBare, effort.seconds);
          (isBare ? bares : ours).push(cpuUs);
          log(
            `  ${door}, ${isBare ? 'bare' : 'product'}: ${cpuUs.toFixed(1)} us, ${size.toFixed(0)} characters an event`,
          );
        }
      }
      const ratio = median(ours.map((us, round) => us / (bares[round] ?? Number.NaN)));
      log(`${`${door}, ${READERS} readers of a reply`.padEnd(50)}CPU ${ratio.toFixed(2)} of that of a bare loop`);
      results.push([door, { cpuUs: spreadOf(ours), bareUs: spreadOf(bares), ratio }]);
    }
    return Object.fromEntries(results) as StreamsResult['shared'];
  } finally {
    await bare.stop();
  }
}

async function runningFigures(stage: Stage): Promise<StreamsResult['running']> {
  const results: [StreamDoor, RunningFigures][] = [];
  for (const door of DOORS) {
    const figures = await running(stage, door);
    const { count, read: arrived, written, cpuUs, p50, p99, heapKb } = figures;
    stage.log(
      `${`${count} replies by ${door}`.padEnd(50)}${arrived.toFixed(0)} of ${written} events/s, ${cpuUs.toFixed(0)} us each, p50 ${p50.toFixed(1)} ms, p99 ${p99.toFixed(1)} ms, ${heapKb.toFixed(0)} KB of heap a reply`,
    );
    results.push([door, figures]);
  }
  return Object.fromEntries(results);
}

async function running({ product, actor, model, readers, effort }: Stage, door: StreamDoor): Promise<RunningFigures> {
  const { count } = effort;
  // In a shorter time, what was late before it would count as much as what is written in it.
  const seconds = Math.max(effort.seconds, 4);
  const target = { door, url: product.url, headers: actor.headers };
  const inspector = await Inspector.open(await product.output());
  const conversations = await conversationsOf(actor, count);
  // What the first ones make is made once.
  const first = await conversationsOf(actor, 20);
  await read(readers, { ...target, what: 'first', conversations: first, lanes: 10, events: 5 });
  const heapBefore = await inspector.heapKb();
  await read(readers, { ...target, what: 'open', conversations, readers: 1 });
  const before = await processCpuMs(product.pid);
  const { lags } = await read(readers, { ...target, what: 'measure', seconds });
  const cpuMs = (await processCpuMs(product.pid)) - before;
  const heapKb = (await inspector.heapKb()) - heapBefore;
  inspector.close();
  model.send('end');
  await read(readers, { ...target, what: 'leave' });
  return {
    count,
    written: count * EVENTS_PER_SECOND,
    read: lags.length / seconds,
    cpuUs: (cpuMs * 1_000) / lags.length,
    p50: quantile(lags, 0.5),
    p99: quantile(lags, 0.99),
    heapKb: heapKb / count,
  };
}
