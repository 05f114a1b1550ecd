// Attacks a running service: `npm run attack -- http://localhost:8000 [--seed <number>] [<kind>...]`. Prints what succeeded, and a
// last line with the counts. Exits with 1 when an attack succeeded. It makes users and leaves them there.
import { parseArgs } from 'node:util';
import type { Service } from './attack.js';
import { KINDS } from './kinds.js';

const { values, positionals } = parseArgs({ options: { seed: { type: 'string' } }, allowPositionals: true });
const [url, ...kinds] = positionals;
if (url === undefined || !URL.canParse(url)) {
  console.error('Say which service to attack: npm run attack -- http://localhost:8000');
  process.exit(2);
}
const service: Service = {
  url: new URL(url).origin,
  isOwn: false,
  seed: Number(values.seed ?? Math.floor(Math.random() * 1_000_000)),
};

let held = 0;
let failed = 0;
for (const kind of KINDS.filter(({ name }) => kinds.length === 0 || kinds.includes(name))) {
  const before = held;
  for (const attack of await kind.attacks(service)) {
    const what = await attack.run(service).catch((error: unknown) => String(error));
    if (what === undefined) held += 1;
    else {
      failed += 1;
      console.log(`FAILED ${kind.name}: ${attack.name}: ${what}`);
    }
  }
  console.log(`${kind.name}: ${(held - before).toString()} held`);
}
console.log(
  `${(held + failed).toString()} attacks, ${held.toString()} held, ${failed.toString()} failed (seed ${service.seed.toString()})`,
);
process.exitCode = failed === 0 ? 0 : 1;
