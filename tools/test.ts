// Runs the tests: `node tools/test.ts main|others|all|nightly [Jest's arguments]`; jest.config.js defines the main suites.
// If the arguments name suites (`npm test -- test/api/audit.test.ts`) or tests (`npm test -- -t audit`), those run in any case.
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const [scope = 'all', ...parameters] = process.argv.slice(2);
const namesSome = parameters.some((parameter) => !parameter.startsWith('-'));
const flags = ['--experimental-vm-modules', '--disable-warning=ExperimentalWarning', '--expose-gc'];
const jest = fileURLToPath(new URL('../node_modules/jest/bin/jest.js', import.meta.url));
const { status } = spawnSync(process.execPath, [...flags, jest, ...parameters], {
  stdio: 'inherit',
  env: { ...process.env, TEST_SCOPE: namesSome && scope !== 'nightly' ? 'all' : scope },
});
process.exitCode = status ?? 1;
