// What the benchmark measures, part by part.
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { HEARTBEAT_MS } from '../../src/doors/heartbeat.js';
import { freePort } from '../support/free-port.js';
import { callsOf, growthOf, sameOverGraphql, type Calls, type DoorName } from './calls.js';
import { castOf, deepPlacesOf, fillDatabase, fillEmbedded, type Cast } from './data.js';
import { idleSubscriptions, type IdleFigures } from './idle-subscriptions.js';
import { removeAtEnd } from './leave-nothing.js';
import { usageOf } from './machine.js';
import { contest, type Contest, type Contestant, type Effort } from './measure-calls.js';
import { buildPeers, startPeer, type Peer } from './peers.js';
import { measureToldAlone, type ToldAlone } from './observing-alone.js';
import type { Databases } from './postgres.js';
import { startProduct, type Server } from './product.js';
import { expectSame } from './same-answers.js';
import { spreadOf, type Spread } from './statistics.js';
import { measureStorageOf, type StorageResult } from './storage.js';
import { streamFigures, type StreamsResult } from './stream-figures.js';

/** What every part works with. */
export interface Run {
  readonly databases: Databases;
  /** For scripts. */
  readonly folder: string;
  readonly effort: Effort;
  readonly isQuick: boolean;
  /** Only these, where there are any. */
  readonly calls: readonly string[] | undefined;
  readonly doors: readonly DoorName[];
  readonly withPeers: boolean;
  /** Messages in the databases of {@link measureGrowth}. */
  readonly sizes: readonly number[];
  log(line: string): void;
}

const SMALL = 1_000;

/** The service itself, in a contest. */
const PRODUCT = 'product';
/** REST's calls over the service's GraphQL, with the same fields. */
const SAME_DATA = 'same data over GraphQL';
const PEERS_OF: Readonly<Record<DoorName, readonly Peer[]>> = {
  rest: ['by-hand'],
  graphql: ['mercurius', 'apollo', 'yoga'],
};

/** By door and call. */
export type CallsResult = Readonly<Partial<Record<DoorName, Readonly<Record<string, Contest>>>>>;

/** The calls that the service and its peers answer alike. */
export async function measureCalls(run: Run): Promise<CallsResult> {
  if (run.withPeers) await buildPeers();
  return withDatabase(run, 'calls', SMALL, async (url) => {
    const cast = await castOf(url);
    const servers = new Map<string, Server>();
    try {
      servers.set(PRODUCT, await startProduct({ databaseUrl: url }));
      for (const name of run.withPeers ? run.doors.flatMap((door) => PEERS_OF[door]) : []) {
        servers.set(name, await startPeer(name, url));
      }
      // All of them first: what a load leaves under way would be counted with the next call's.
      for (const door of run.doors) {
        for (const [call, requests] of asked(run, callsOf(cast)[door])) {
          await expectSame(url, call, contestantsOf(run, door, servers, requests));
        }
      }
      const results: [DoorName, Record<string, Contest>][] = [];
      for (const door of run.doors) results.push([door, await measureDoor(run, door, cast, servers)]);
      return Object.fromEntries(results);
    } finally {
      for (const server of servers.values()) await server.stop();
    }
  });
}

async function measureDoor(
  run: Run,
  door: DoorName,
  cast: Cast,
  servers: ReadonlyMap<string, Server>,
): Promise<Record<string, Contest>> {
  const same = sameOverGraphql(cast);
  const results: Record<string, Contest> = {};
  for (const [name, requests] of asked(run, callsOf(cast)[door])) {
    const contestants = contestantsOf(run, door, servers, requests);
    if (door === 'rest') contestants.push(contestant(SAME_DATA, servers.get(PRODUCT), same[name] ?? []));
    const result = await contest(run.folder, `${door}-${name}`, contestants, run.effort, run.databases.cpuMs);
    for (const [who, { perSecond, cpuUs, ratios }] of Object.entries(result)) {
      const ratio =
        who === PRODUCT ? '' : `  product: ${ratios.perSecond.toFixed(2)} of it, CPU ${ratios.cpuUs.toFixed(2)}`;
      run.log(row(`${door} ${name}, ${who}`, perSecond.median, 'req/s', cpuUs.median, 'us') + ratio);
    }
    results[name] = result;
  }
  return results;
}

function contestantsOf(
  { withPeers }: Run,
  door: DoorName,
  servers: ReadonlyMap<string, Server>,
  requests: Contestant['requests'],
): Contestant[] {
  return [PRODUCT, ...(withPeers ? PEERS_OF[door] : [])].map((who) => contestant(who, servers.get(who), requests));
}

/** By call, of each size. */
export type GrowthResult = Readonly<Record<string, Contest>>;

/** Reads of what grows, on a service for each size. */
export async function measureGrowth(run: Run): Promise<GrowthResult> {
  const names: string[] = [];
  const stages: { size: number; product: Server; calls: Calls }[] = [];
  try {
    for (const size of run.sizes) {
      const name = databaseName(`growth_${size}`);
      names.push(name);
      const url = await run.databases.create(name);
      const begun = performance.now();
      await fillDatabase(url, size);
      run.log(`filled with ${size} messages in ${((performance.now() - begun) / 1_000).toFixed(0)} s`);
      const cast = await castOf(url);
      const calls = growthOf(cast, await deepPlacesOf(url, size, cast));
      stages.push({ size, calls, product: await startProduct({ databaseUrl: url }) });
    }
    const results: Record<string, Contest> = {};
    for (const [name] of asked(run, stages[0]?.calls ?? {})) {
      const contestants = stages.map(({ size, calls, product }) =>
        contestant(String(size), product, calls[name] ?? []),
      );
      const script = `growth-${name.replaceAll(/\W+/g, '-')}`;
      const result = await contest(run.folder, script, contestants, run.effort, run.databases.cpuMs);
      for (const [size, { perSecond, cpuUs, databaseUs }] of Object.entries(result)) {
        run.log(
          row(`${name}, ${size}`, perSecond.median, 'req/s', cpuUs.median + databaseUs.median, 'us, with PostgreSQL'),
        );
      }
      results[name] = result;
    }
    return results;
  } finally {
    for (const { product } of stages) await product.stop();
    for (const name of names) await run.databases.drop(name);
  }
}

export interface StartFigures {
  /** Milliseconds to the first answer. */
  readonly startMs: Spread;
  /** At rest, some seconds after it. */
  readonly residentMb: Spread;
}

/** By what it starts on. */
export type StartResult = Readonly<Record<'postgres' | 'embedded' | 'new embedded', StartFigures>>;

export async function measureStart(run: Run): Promise<StartResult> {
  const times = run.isQuick ? 1 : 5;
  const restMs = run.isQuick ? 2_000 : 10_000;
  const measure = async (title: string, start: () => Promise<Server>): Promise<StartFigures> => {
    const started: number[] = [];
    const resident: number[] = [];
    for (let time = 0; time < times; time++) {
      const server = await start();
      started.push(server.startMs);
      // Memory is as it is: it needs no more than one or two looks.
      if (time < 2) {
        await delay(restMs);
        resident.push((await usageOf(server.pid)).residentKb / 1_024);
      }
      await server.stop('SIGTERM');
    }
    const figures = { startMs: spreadOf(started), residentMb: spreadOf(resident) };
    run.log(row(title, figures.startMs.median, 'ms', figures.residentMb.median, 'MB'));
    return figures;
  };
  return withDatabase(run, 'start', SMALL, (databaseUrl) =>
    withFolder(async (folder) => {
      await fillEmbedded(folder, SMALL);
      return {
        postgres: await measure('start on PostgreSQL', () => startProduct({ databaseUrl })),
        embedded: await measure('start on an embedded database', () =>
          startProduct({ environment: { DATA_DIR: folder } }),
        ),
        'new embedded': await measure('start on a new embedded database', () => startProduct({})),
      };
    }),
  );
}

/** By door. */
export type MemoryResult = Readonly<Record<'sse' | 'websocket', IdleFigures>>;

/** The interval of the signs of life, so that each subscription has one of them. */
const IDLE_SECONDS = HEARTBEAT_MS / 1_000;

/** Subscriptions in which nothing happens. */
export async function measureMemory(run: Run): Promise<MemoryResult> {
  return withDatabase(run, 'memory', SMALL, async (databaseUrl) => {
    const { writers } = await castOf(databaseUrl);
    const measure = async (door: 'sse' | 'websocket') => {
      const product = await startProduct({
        databaseUrl,
        flags: ['--inspect=127.0.0.1:0'],
        environment: { MAX_WEBSOCKETS_PER_CLIENT: '100000' },
      });
      try {
        const figures = await idleSubscriptions(product, door, writers, run.isQuick ? 500 : 2_000, IDLE_SECONDS);
        run.log(
          row(`${figures.count} by ${door}`, figures.residentKb, 'KB each', figures.idleCpuMs, 'ms of CPU a second'),
        );
        return figures;
      } finally {
        await product.stop();
      }
    };
    return { sse: await measure('sse'), websocket: await measure('websocket') };
  });
}

/** Replies with their readers. */
export function measureStreams(run: Run): Promise<StreamsResult> {
  return withDatabase(run, 'streams', SMALL, (databaseUrl) => {
    const effort = run.isQuick
      ? { rounds: 2, seconds: 1, settleMs: 0, count: 0 }
      : { rounds: 5, seconds: 4, settleMs: 3_000, count: 1_000 };
    return streamFigures(databaseUrl, effort, run.log);
  });
}

/** By call; the first contestant is the service on the embedded database. */
export type EmbeddedResult = Readonly<Record<string, Contest>>;

export async function measureEmbedded(run: Run): Promise<EmbeddedResult> {
  return withDatabase(run, 'embedded', SMALL, (databaseUrl) =>
    withFolder(async (folder) => {
      // Rows of one number have one id in both.
      const calls = callsOf(await castOf(databaseUrl)).graphql;
      await fillEmbedded(folder, SMALL);
      // V8 compiles PostgreSQL's WebAssembly while it runs, on the core that is measured, for some 10,000 requests.
      const effort = run.isQuick ? run.effort : { ...run.effort, warmUpSeconds: 10 };
      const embedded = await startProduct({ environment: { DATA_DIR: folder } });
      const postgres = await startProduct({ databaseUrl });
      try {
        const results: Record<string, Contest> = {};
        for (const [name, requests] of asked(run, calls)) {
          const contestants = [contestant('embedded', embedded, requests), contestant('postgres', postgres, requests)];
          const result = await contest(run.folder, `embedded-${name}`, contestants, effort, run.databases.cpuMs);
          run.log(
            `${`embedded ${name}`.padEnd(50)}CPU ${(result['postgres']?.ratios.cpuUs ?? Number.NaN).toFixed(2)} of that on PostgreSQL`,
          );
          results[name] = result;
        }
        return results;
      } finally {
        await embedded.stop();
        await postgres.stop();
      }
    }),
  );
}

function contestant(name: string, server: Server | undefined, requests: Contestant['requests']): Contestant {
  if (server === undefined) throw new Error(`${name} was not started`);
  return { name, url: server.url, pid: server.pid, requests };
}

const asked = ({ calls }: Run, all: Calls) =>
  Object.entries(all).filter(([name]) => calls === undefined || calls.includes(name));

export interface ObservingResult {
  readonly alone: ToldAlone;
  /** By door and call; the contestants are the service told to observe nothing, and what it is told to observe. */
  readonly calls: Readonly<Record<string, Contest>>;
}

/** An answer alone and a list, since what is observed is told for a request and for a statement. */
const OBSERVED = ['me', 'messages'];

/**
 * What metrics and traces of one request in a hundred add to the CPU of a request: by itself, since that is a few microseconds, of which
 * two processes of the same program differ more, and beside each other.
 */
export async function measureObserving(run: Run): Promise<ObservingResult> {
  const alone = await measureToldAlone();
  run.log(row('told of a request, by itself', alone.metrics, 'us of metrics', alone.traces, 'us of traces'));
  return withDatabase(run, 'observing', SMALL, async (databaseUrl) => {
    const calls = callsOf(await castOf(databaseUrl));
    const collector = createServer((request, response) => {
      request.resume().once('end', () => response.end());
    }).listen(0, '127.0.0.1');
    await once(collector, 'listening');
    const servers = new Map<string, Server>();
    try {
      const { port } = collector.address() as AddressInfo;
      const settings = {
        nothing: {},
        metrics: { METRICS_PORT: String(await freePort()) },
        'traces of 1 %': {
          OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${port}`,
          OTEL_TRACES_SAMPLER: 'parentbased_traceidratio',
          OTEL_TRACES_SAMPLER_ARG: '0.01',
        },
      };
      for (const [name, environment] of Object.entries(settings)) {
        servers.set(name, await startProduct({ databaseUrl, environment }));
      }
      const results: Record<string, Contest> = {};
      for (const door of run.doors) {
        for (const call of OBSERVED) {
          const contestants = [...servers].map(([name, server]) => contestant(name, server, calls[door][call] ?? []));
          const script = `observing-${door}-${call}`;
          const result = await contest(run.folder, script, contestants, run.effort, run.databases.cpuMs);
          for (const [name, { perSecond, cpuUs, ratios }] of Object.entries(result)) {
            const ratio = `  CPU ${(1 / ratios.cpuUs).toFixed(3)} of that with nothing`;
            run.log(row(`${door} ${call}, ${name}`, perSecond.median, 'req/s', cpuUs.median, 'us') + ratio);
          }
          results[`${door} ${call}`] = result;
        }
      }
      return { alone, calls: results };
    } finally {
      for (const server of servers.values()) await server.stop();
      collector.closeAllConnections();
      collector.close();
    }
  });
}

const databaseName = (name: string) => `bench_${name}_${process.pid}`;

/** What is stored of users who ask. */
export async function measureStorage(run: Run): Promise<StorageResult> {
  const name = databaseName('storage');
  const url = await run.databases.create(name);
  try {
    const result = await measureStorageOf(url, run.isQuick ? 400 : 2_000, run.databases.cpuMs);
    for (const [table, figures] of Object.entries(result.tables)) {
      run.log(row(`${table}, ${figures.rows} rows`, figures.table, 'bytes', figures.indexes, 'bytes of indexes'));
    }
    run.log(row('a question and its answer', result.cpuUs, 'us', result.databaseUs, 'us of PostgreSQL'));
    run.log(`${result.walBytes.toFixed(0)} bytes of WAL`);
    return result;
  } finally {
    await run.databases.drop(name);
  }
}

async function withDatabase<Result>(
  { databases }: Run,
  name: string,
  size: number,
  work: (url: string) => Promise<Result>,
): Promise<Result> {
  const database = databaseName(name);
  const url = await databases.create(database);
  try {
    await fillDatabase(url, size);
    return await work(url);
  } finally {
    await databases.drop(database);
  }
}

async function withFolder<Result>(work: (folder: string) => Promise<Result>): Promise<Result> {
  const folder = await mkdtemp(join(tmpdir(), 'flynkle-bench-data-'));
  const forget = removeAtEnd(folder);
  try {
    return await work(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
    forget();
  }
}

const row = (title: string, one: number, ofOne: string, other: number, ofOther: string) =>
  `${title.padEnd(50)}${one.toFixed(0).padStart(7)} ${ofOne}${other.toFixed(other < 10 ? 1 : 0).padStart(8)} ${ofOther}`;
