/** @type {import('jest').Config} */
const shared = {
  testEnvironment: 'node',
  transform: { '^.+\\.ts$': '@swc/jest' },
  extensionsToTreatAsEsm: ['.ts'],
  // TypeScript's imports name the files as they will be compiled.
  moduleNameMapper: { '^(\\.{1,2}/.*)\\.js$': '$1' },
};

/** Suites beside the code that start processes, kill them, and need seconds for it. */
const FAULTS_IN_SRC = '<rootDir>/src/adapters/postgres/open-database.test.ts';

/** @type {import('jest').Config} */
export default {
  projects: [
    {
      ...shared,
      displayName: 'unit',
      testMatch: ['<rootDir>/src/**/*.test.ts', '<rootDir>/test/contracts/*.test.ts', `!${FAULTS_IN_SRC}`],
    },
    { ...shared, displayName: 'api', testMatch: ['<rootDir>/test/api/*.test.ts'] },
    { ...shared, displayName: 'faults', testMatch: ['<rootDir>/test/faults/*.test.ts', FAULTS_IN_SRC] },
  ],
  globalSetup: '<rootDir>/test/support/host/start-hosts.ts',
  globalTeardown: '<rootDir>/test/support/host/stop-hosts.ts',
  maxWorkers: 2,
  // Ends a run that hangs, and nothing else: tests wait for events, however long those take on a busy machine.
  testTimeout: 600_000,
  // Jest's modules for ECMAScript leave memory behind with every suite.
  workerIdleMemoryLimit: '400MB',
  // Every failure once, where its suite ends.
  reporters: [['default', { summaryThreshold: Number.MAX_SAFE_INTEGER }]],
};
