// Before `npm start` and after `npm ci`: makes what is stale, or says why that cannot be. In JavaScript that Node 20 runs,
// because the Node of package.json is not there yet when the development packages are left out.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const OLDEST_NODE = 24;

process.chdir(fileURLToPath(new URL('..', import.meta.url)));
const isInstalling = process.env.npm_lifecycle_event === 'prepare';
if (existsSync('node_modules/prisma')) build();
else if (isInstalling)
  console.log('Installed without the development packages, so nothing is built here: `npm ci` builds.');
else requireRunnable();

function build() {
  const { status } = spawnSync('node', ['tools/build.ts', 'prisma-client', 'program'], { stdio: 'inherit' });
  process.exitCode = status ?? 1;
}

/** Without the development packages the program is what an earlier build made, and Node is whatever the machine has. */
function requireRunnable() {
  if (!existsSync('dist/main.js'))
    fail('The program is not built, and the packages that build it are missing: run "npm ci".');
  if (Number.parseInt(process.versions.node, 10) < OLDEST_NODE) {
    fail(`Without the development packages, Node ${OLDEST_NODE} or later is needed: this is ${process.versions.node}.`);
  }
}

function fail(message) {
  console.error(message);
  process.exit(1);
}
