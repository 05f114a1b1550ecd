/**
 * The suites of test/api in `npm test`: the main paths through every door. `npm run test:all` runs the other suites too.
 * tools/test.ts selects the suites.
 */
const MAIN = [
  'chat',
  'conversation-events',
  'conversations',
  'newcomer',
  'passwords',
  'refresh-tokens',
  'replies',
  'rest-auth',
  'rest-chat',
  'rest-conversations',
  'rest-envelope',
  'rest-users',
  'sessions-streams',
  'uploads',
];
const scope = process.env.TEST_SCOPE ?? 'all';

/** @type {import('jest').Config} */
const shared = {
  testEnvironment: '<rootDir>/test/support/suite-environment.ts',
  transform: { '^.+\\.ts$': '@swc/jest' },
  extensionsToTreatAsEsm: ['.ts'],
  // To look a global up takes a microsecond where Jest runs modules: a picture of a code took a second, of which all but 15 ms were this.
  sandboxInjectedGlobals: ['Math'],
  // TypeScript imports name the compiled files.
  moduleNameMapper: { '^(\\.{1,2}/.*)\\.js$': '$1' },
  modulePathIgnorePatterns: ['<rootDir>/test/clients/'],
};

const NAMES = `(${MAIN.join('|')})\\.test\\.ts$`;
/** Suites beside the code that start and kill processes, which takes them a minute. */
const FAULTS_IN_SRC = ['open-database', 'embedded-template'].map(
  (name) => `<rootDir>/src/adapters/postgres/${name}.test.ts`,
);

const unit = {
  ...shared,
  displayName: 'unit',
  testMatch: [
    '<rootDir>/src/**/*.test.ts',
    '<rootDir>/test/contracts/*.test.ts',
    '<rootDir>/test/simulation/*.test.ts',
  ],
  testPathIgnorePatterns: FAULTS_IN_SRC,
};
const api = {
  ...shared,
  displayName: 'api',
  testMatch: ['<rootDir>/test/api/*.test.ts'],
  testPathIgnorePatterns:
    { main: [`<rootDir>/test/api/(?!${NAMES})`], others: [`<rootDir>/test/api/${NAMES}`] }[scope] ?? [],
};
const faults = { ...shared, displayName: 'faults', testMatch: ['<rootDir>/test/faults/*.test.ts', ...FAULTS_IN_SRC] };
/** What needs packages of its own, or more time than a change should wait. */
const nightly = { ...shared, displayName: 'nightly', testMatch: ['<rootDir>/test/nightly/*.test.ts'] };

/** @type {import('jest').Config} */
export default {
  projects: { main: [unit, api], others: [api, faults], nightly: [nightly] }[scope] ?? [unit, api, faults],
  testSequencer: '<rootDir>/tools/long-suites-first.js',
  globalSetup: '<rootDir>/test/support/host/start-hosts.ts',
  globalTeardown: '<rootDir>/test/support/host/stop-hosts.ts',
  // One more than the two cores that CI has, since suites wait as often as they work. The nightly suites of clients install the same packages, and another one measures under load.
  maxWorkers: scope === 'nightly' ? 1 : 3,
  // Only ends runs that hang: tests wait for events, however long those take on a busy machine.
  testTimeout: 600_000,
  // Jest leaks memory with every suite when it runs ECMAScript modules.
  workerIdleMemoryLimit: '400MB',
  // Reports each failure once, at the end of its suite.
  reporters: [['default', { summaryThreshold: Number.MAX_SAFE_INTEGER }]],
};
