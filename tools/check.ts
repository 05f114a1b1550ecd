// Runs every check of the repository except the tests: `node tools/check.ts [--report <file>] [name]...`. Prints a line per
// check, and the output of failed ones; the report is `{ "passed": number, "failed": number }`.
import { spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

// The longest come first, since two run at a time.
const checks = new Map([
  ['lint', 'eslint . --cache --cache-location node_modules/.cache/eslint/'],
  ['types', 'tsc --noEmit'],
  [
    'migrations',
    'prisma migrate diff --from-migrations prisma/migrations --to-schema prisma/schema.prisma --exit-code',
  ],
  ['unused code', 'knip'],
  ['dependency rule', 'depcruise src test tools --config .dependency-cruiser.js'],
  ['folder cycles', 'depcruise src --config .dependency-cruiser.folders.js'],
  ['format', 'prettier --check . --cache --log-level warn'],
  ['schema', 'tsx tools/schema.ts --check'],
  ['api stability', 'tsx tools/api-stability.ts'],
  ['side by side', 'tsx tools/migrations.ts'],
  ['settings', 'tsx tools/settings.ts --check'],
]);
const SIMULTANEOUS = 2;

const root = fileURLToPath(new URL('..', import.meta.url));
const { values, positionals } = parseArgs({ options: { report: { type: 'string' } }, allowPositionals: true });
const unknown = positionals.filter((name) => !checks.has(name));
if (unknown.length > 0) {
  console.error(`No check is named ${unknown.join(', ')}; the checks are: ${[...checks.keys()].join(', ')}.`);
  process.exit(1);
}

const waiting = [...checks].filter(([name]) => positionals.length === 0 || positionals.includes(name));
const total = waiting.length;
let failed = 0;
await Promise.all(Array.from({ length: SIMULTANEOUS }, runWaiting));

console.log(`${(total - failed).toString()} passed, ${failed.toString()} failed`);
if (values.report !== undefined) writeFileSync(values.report, JSON.stringify({ passed: total - failed, failed }));
process.exitCode = failed === 0 ? 0 : 1;

async function runWaiting(): Promise<void> {
  for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
    const [name, command] = next;
    const start = performance.now();
    const { passed, output } = await run(command);
    const seconds = ((performance.now() - start) / 1000).toFixed(1);
    console.log(`${passed ? 'ok  ' : 'FAIL'} ${name} (${seconds} s)`);
    if (passed) continue;
    failed += 1;
    console.log(`\n$ ${command}\n${output.trimEnd()}\n`);
  }
}

function run(command: string): Promise<{ passed: boolean; output: string }> {
  const environment: NodeJS.ProcessEnv = {
    ...process.env,
    PATH: `${join(root, 'node_modules', '.bin')}${delimiter}${process.env['PATH'] ?? ''}`,
    NO_COLOR: '1',
  };
  // Migrations are compared in memory, even if the shell is configured for a database.
  delete environment['DATABASE_URL'];

  return new Promise((resolve) => {
    const child = spawn(command, { cwd: root, env: environment, shell: true, stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => (output += text));
    }
    child.on('error', (error) => {
      resolve({ passed: false, output: error.message });
    });
    child.on('close', (code) => {
      resolve({ passed: code === 0, output });
    });
  });
}
