// Runs before `npm start` and after `npm ci`: builds what is outdated, or reports why it cannot. It is JavaScript for Node 20,
// because without the development packages, the Node version of package.json is not installed.
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
  const { status } = spawnSync('node', ['tools/build.ts', 'prisma-client', 'program', 'embedded-template'], {
    stdio: 'inherit',
  });
  process.exitCode = status ?? 1;
}

/** Without the development packages, checks that there is an earlier build, and that the machine's own Node can run it. */
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
