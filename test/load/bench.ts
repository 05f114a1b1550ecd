// Measures the service beside its peers (test/load/peers) and writes docs/performance.md: `npm run bench`. In three minutes,
// `npm run bench -- --quick` measures the parts that change most, in few rounds, and prints them beside the last run.
//   --parts calls,growth,start,memory,streams,embedded,observing,storage these alone
//   --calls me,create --door rest,graphql                these calls, over these doors
//   --out folder                                         where performance.md goes, docs unless told; a quick run has none otherwise
//   --only product                                       without the peers
//   --rounds 5 --seconds 2                               of each call
//   --sizes 1000,100000,1000000                          messages in the databases of the part growth
// Needs Linux with two cores or more, PostgreSQL and wrk (Debian: postgresql, wrk). The server that is measured has one core,
// the load and PostgreSQL have another.
import { spawnSync } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { cpus, release, tmpdir, totalmem } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { QUICK_GROWTH, type DoorName } from './calls.js';
import { removeAtEnd } from './leave-nothing.js';
import { OTHER_CORE } from './machine.js';
import {
  measureCalls,
  measureEmbedded,
  measureGrowth,
  measureMemory,
  measureObserving,
  measureStart,
  measureStorage,
  measureStreams,
  type Run,
} from './parts.js';
import { openDatabases } from './postgres.js';
import type { Report } from './report.js';
import { summaryOf, writeReport } from './write-report.js';

const PARTS = ['calls', 'growth', 'start', 'memory', 'streams', 'embedded', 'observing', 'storage'] as const;
const QUICK_PARTS = ['calls', 'start', 'streams'];
/** A call of each kind. */
const QUICK_CALLS = ['me', 'conversations', 'messages', 'create', 'nested', ...QUICK_GROWTH];

const { values } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    parts: { type: 'string' },
    calls: { type: 'string' },
    door: { type: 'string', default: 'rest,graphql' },
    only: { type: 'string' },
    out: { type: 'string' },
    rounds: { type: 'string' },
    seconds: { type: 'string' },
    sizes: { type: 'string' },
  },
});
const list = (text: string) => text.split(',').filter(Boolean);
const isQuick = values.quick;

if (spawnSync('wrk', ['-v']).error !== undefined) throw new Error('wrk is not installed (Debian: apt-get install wrk)');
// This process, too, keeps off the core that is measured.
spawnSync(OTHER_CORE[0], ['-a', '-p', ...OTHER_CORE.slice(1), String(process.pid)]);

const folder = await mkdtemp(join(tmpdir(), 'flynkle-bench-'));
removeAtEnd(folder);
const databases = await openDatabases();
try {
  const run: Run = {
    databases,
    folder,
    isQuick,
    effort: {
      rounds: Number(values.rounds ?? (isQuick ? 2 : 5)),
      seconds: Number(values.seconds ?? (isQuick ? 1 : 2)),
      warmUpSeconds: isQuick ? 1 : 2,
    },
    calls: values.calls === undefined ? (isQuick ? QUICK_CALLS : undefined) : list(values.calls),
    doors: list(values.door) as DoorName[],
    withPeers: values.only !== 'product',
    sizes: list(values.sizes ?? (isQuick ? '1000,100000' : '1000,100000,1000000')).map(Number),
    log: (line) => {
      console.log(line);
    },
  };
  const measures = {
    calls: measureCalls,
    growth: measureGrowth,
    start: measureStart,
    memory: measureMemory,
    streams: measureStreams,
    embedded: measureEmbedded,
    observing: measureObserving,
    storage: measureStorage,
  } as const;
  const results: Record<string, unknown> = {};
  const parts = values.parts === undefined ? (isQuick ? QUICK_PARTS : PARTS) : list(values.parts);
  for (const part of PARTS.filter((name) => parts.includes(name))) {
    console.log(`\n${part}`);
    const begun = performance.now();
    results[part] = await measures[part](run);
    console.log(`${part}: ${((performance.now() - begun) / 1_000).toFixed(0)} s`);
  }
  const report: Report = {
    date: new Date().toISOString().slice(0, 10),
    machine: `${cpus().length} cores of ${cpus()[0]?.model ?? 'an unknown processor'}, ${Math.round(totalmem() / 2 ** 30)} GB, Linux ${/^\d+\.\d+/.exec(release())?.[0] ?? ''}`,
    versions: { Node: process.versions.node, PostgreSQL: databases.version, ...(await packageVersions()) },
    quick: isQuick,
    ...results,
  };
  console.log();
  for (const line of await summaryOf(report)) console.log(line);
  // A quick run is rough, and one of a few calls says nothing of the others.
  const isWhole = !isQuick && [values.calls, values.only, values.sizes].every((choice) => choice === undefined);
  if (values.out !== undefined || isWhole) {
    await writeReport(report, values.out);
  }
} finally {
  await databases.close();
  await rm(folder, { recursive: true, force: true });
}

async function packageVersions(): Promise<Record<string, string>> {
  const file = new URL('../../package.json', import.meta.url);
  const { dependencies, devDependencies } = JSON.parse(await readFile(file, 'utf8')) as Record<
    string,
    Record<string, string>
  >;
  const all = { ...dependencies, ...devDependencies };
  const names = ['fastify', 'pg', 'mercurius', '@apollo/server', 'graphql-yoga', '@electric-sql/pglite'];
  return Object.fromEntries(names.map((name) => [name, all[name] ?? '']));
}
