import { readFile } from 'node:fs/promises';
import { Agent, request, type ClientRequest } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import WebSocket from 'ws';
import { Inspector } from '../support/inspector.js';
import type { Holder } from './data.js';
import { usageOf } from './machine.js';
import type { Server } from './product.js';

export interface IdleFigures {
  readonly count: number;
  /** For each of them, after a garbage collection. */
  readonly residentKb: number;
  readonly heapKb: number;
  /** CPU in a second for all of them, beyond what the service takes without any. */
  readonly idleCpuMs: number;
  /** CPU to open one. */
  readonly openingMs: number;
}

/** Opened at a time. */
const LANES = 25;
/** V8 collects what the opening has left, and gives memory back, some 10 and 20 s after it: half a second of CPU, which is none of idling. */
const SETTLE_MS = 30_000;
/** Files that the process needs besides. */
const OTHER_FILES = 200;

/** @param product started with an inspector */
export async function idleSubscriptions(
  product: Server,
  door: 'sse' | 'websocket',
  holders: readonly Holder[],
  wanted: number,
  seconds: number,
): Promise<IdleFigures> {
  const count = Math.min(wanted, (await maxOpenFiles()) - OTHER_FILES);
  const inspector = await Inspector.open(await product.output());
  const openOne = door === 'sse' ? openEventStream : openSocket;
  const openAll = async (many: number) => {
    const opened: (() => void)[] = [];
    for (let from = 0; from < many; from += LANES) {
      const turn = Array.from(
        { length: Math.min(LANES, many - from) },
        (_, lane) => holders[(from + lane) % holders.length],
      );
      const lanes = turn.flatMap((holder) => (holder === undefined ? [] : [openOne(product.url, holder)]));
      opened.push(...(await Promise.all(lanes)));
    }
    return opened;
  };
  // What the first ones make is made once.
  for (const close of await openAll(100)) close();
  // A collection of garbage that is asked for is the last thing each time: what it leaves for the threads of V8 is no idle time.
  const cpuMs = async () => (await usageOf(product.pid)).cpuMs;
  const memory = async () => {
    const heapKb = await inspector.heapKb();
    return { heapKb, residentKb: (await usageOf(product.pid)).residentKb };
  };
  const idle = async () => {
    await delay(SETTLE_MS);
    const before = await cpuMs();
    await delay(seconds * 1_000);
    return { cpuMs: ((await cpuMs()) - before) / seconds, ...(await memory()) };
  };
  const without = await idle();
  const before = await cpuMs();
  const closers = await openAll(count);
  const openingMs = ((await cpuMs()) - before) / count;
  const open = await idle();
  for (const close of closers) close();
  inspector.close();
  return {
    count,
    residentKb: (open.residentKb - without.residentKb) / count,
    heapKb: (open.heapKb - without.heapKb) / count,
    idleCpuMs: open.cpuMs - without.cpuMs,
    openingMs,
  };
}

async function maxOpenFiles(): Promise<number> {
  const [, limit] = /Max open files\s+(\d+|unlimited)/.exec(await readFile('/proc/self/limits', 'utf8')) ?? [];
  return limit === 'unlimited' ? Number.POSITIVE_INFINITY : Number(limit);
}

const subscription = ({ conversationId }: Holder) => ({
  query: `subscription { conversationEvents(conversationId: "${conversationId}") { __typename } }`,
});

const agent = new Agent({ maxSockets: Number.POSITIVE_INFINITY });

/** Resolves once the answer has begun. */
function openEventStream(url: string, holder: Holder): Promise<() => void> {
  return new Promise((resolve, reject) => {
    const headers = {
      authorization: `Bearer ${holder.token}`,
      'content-type': 'application/json',
      accept: 'text/event-stream',
    };
    const asked: ClientRequest = request(`${url}/graphql`, { method: 'POST', agent, headers }, (response) => {
      response.resume();
      response.on('error', () => undefined);
      if (response.statusCode !== 200) reject(new Error(`a subscription was answered by ${response.statusCode}`));
      resolve(() => asked.destroy());
    });
    asked.on('error', reject);
    asked.end(JSON.stringify(subscription(holder)));
  });
}

/** Resolves once the login is acknowledged, and the subscription is sent. */
function openSocket(url: string, holder: Holder): Promise<() => void> {
  return new Promise((resolve, reject) => {
    const socket = new WebSocket(`${url.replace('http', 'ws')}/graphql`, 'graphql-transport-ws', {
      perMessageDeflate: false,
    });
    const send = (message: object) => {
      socket.send(JSON.stringify(message));
    };
    socket.on('error', reject);
    socket.on('open', () => {
      send({ type: 'connection_init', payload: { authorization: `Bearer ${holder.token}` } });
    });
    socket.on('message', (data: Buffer) => {
      const { type } = JSON.parse(data.toString()) as { readonly type: string };
      if (type === 'ping') send({ type: 'pong' });
      else if (type === 'connection_ack') {
        send({ id: '1', type: 'subscribe', payload: subscription(holder) });
        resolve(() => {
          socket.terminate();
        });
      } else reject(new Error(data.toString()));
    });
  });
}
