// Where a call spends its time: `npm run profile -- <call> [--door rest|graphql] [--seconds 8] [--size 1000] [--outliving] [--embedded]`,
// for the calls of calls.ts, on PostgreSQL or the embedded database. Loads the service with it and writes a flame graph (.svg) and a .cpuprofile, which browsers and editors open, to
// profiles/; prints the functions and the packages with the most time of their own; with
// --outliving first those whose objects outlive young ones. Needs what the benchmark needs.
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { Inspector } from '../support/inspector.js';
import { callsOf, type DoorName } from './calls.js';
import { callTree, frames, selfTimes } from './cpu-profile.js';
import { castOf, fillDatabase, fillEmbedded } from './data.js';
import { flameGraph } from './flame-graph.js';
import { load, writeScript } from './generator.js';
import { removeAtEnd } from './leave-nothing.js';
import { openDatabases } from './postgres.js';
import { startProduct } from './product.js';

const FUNCTIONS = 25;
const PARTS = 20;
const FOLDER = fileURLToPath(new URL('../../profiles', import.meta.url));

const { values, positionals } = parseArgs({
  options: {
    door: { type: 'string', default: 'graphql' },
    seconds: { type: 'string', default: '8' },
    size: { type: 'string', default: '1000' },
    outliving: { type: 'boolean', default: false },
    embedded: { type: 'boolean', default: false },
  },
  allowPositionals: true,
});

const scripts = await mkdtemp(join(tmpdir(), 'flynkle-profile-'));
removeAtEnd(scripts);
const databases = await openDatabases();
try {
  const url = await databases.create(`bench_profile_${process.pid}`);
  await fillDatabase(url, Number(values.size));
  const calls = callsOf(await castOf(url))[values.door as DoorName];
  const [name = ''] = positionals;
  const requests = calls[name];
  if (requests === undefined) throw new Error(`The calls are ${Object.keys(calls).join(', ')}.`);
  const script = await writeScript(scripts, name, requests);
  const embedded = join(scripts, 'embedded');
  // Rows of one number have one id in both.
  if (values.embedded) await fillEmbedded(embedded, Number(values.size));
  const store = values.embedded ? { environment: { DATA_DIR: embedded } } : { databaseUrl: url };
  const product = await startProduct({ ...store, flags: ['--inspect=127.0.0.1:0'] });
  try {
    const inspector = await Inspector.open(await product.output());
    await load(product, script, { seconds: 4 });
    if (values.outliving) {
      await printOutliving(inspector, async () => {
        const { perSecond } = await load(product, script, { seconds: Number(values.seconds) });
        return perSecond * Number(values.seconds);
      });
    }
    await inspector.startProfile();
    const { perSecond, cpuUs } = await load(product, script, { seconds: Number(values.seconds) });
    const profile = await inspector.stopProfile();
    inspector.close();
    const title = `${values.door} ${name}${values.embedded ? ' embedded' : ''}`;
    const tree = callTree(profile);
    const row = (us: number, text: string) => {
      console.log(
        `${((us / tree.totalUs) * 100).toFixed(1).padStart(5)}% ${((us / tree.totalUs) * cpuUs).toFixed(1).padStart(7)} us  ${text}`,
      );
    };
    console.log(
      `${title}: ${perSecond.toFixed(0)} req/s, ${cpuUs.toFixed(0)} us of CPU a request, while it is profiled\n`,
    );
    for (const [text, us] of selfTimes(tree, ({ name, place }) => `${name} ${place}`).slice(0, FUNCTIONS))
      row(us, text);
    console.log();
    for (const [text, us] of selfTimes(tree, ({ part }) => part).slice(0, PARTS)) row(us, text);
    await mkdir(FOLDER, { recursive: true });
    const file = join(FOLDER, title.replaceAll(' ', '-'));
    await writeFile(`${file}.cpuprofile`, JSON.stringify(profile));
    await writeFile(`${file}.svg`, flameGraph(tree, title));
    console.log(`\n${file}.svg`);
  } finally {
    await product.stop();
  }
} finally {
  await databases.close();
  await rm(scripts, { recursive: true, force: true });
}

/**
 * Prints the functions whose objects V8 does not find when it collects young ones (docs/decisions/0093), by bytes for a request.
 * @param work returns how many requests it made
 */
async function printOutliving(inspector: Inspector, work: () => Promise<number>): Promise<void> {
  let requests = 0;
  const allocated = await inspector.surviving(async () => {
    requests = await work();
  });
  const frameOf = frames();
  const sums = new Map<string, number>();
  for (const [frame, bytes] of allocated) {
    const { name, place } = frameOf(frame);
    sums.set(`${name} ${place}`, (sums.get(`${name} ${place}`) ?? 0) + bytes);
  }
  const all = [...sums.values()].reduce((sum, bytes) => sum + bytes, 0);
  console.log(`${(all / requests).toFixed(0)} bytes of each request outlive collections of young objects\n`);
  for (const [text, bytes] of [...sums].sort(([, one], [, other]) => other - one).slice(0, FUNCTIONS)) {
    console.log(`${(bytes / requests).toFixed(0).padStart(7)}  ${text}`);
  }
  console.log();
}
