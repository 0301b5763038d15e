/** Runs ES modules, because Middy publishes nothing else. `npm test` runs `*.test.ts`; other scripts run `*.suite.ts`. */
export default {
  testEnvironment: 'node',
  // The condition with which the local server bundles. Without it the dev identity cannot be imported.
  testEnvironmentOptions: { customExportConditions: ['node', 'node-addons', 'local'] },
  extensionsToTreatAsEsm: ['.ts', '.tsx'],
  transform: {
    '^.+\\.ts$': [
      '@swc/jest',
      { jsc: { target: 'es2024', parser: { syntax: 'typescript' } }, module: { type: 'es6' } },
    ],
    '^.+\\.tsx$': [
      '@swc/jest',
      {
        jsc: {
          target: 'es2024',
          parser: { syntax: 'typescript', tsx: true },
          transform: { react: { runtime: 'automatic', importSource: 'preact' } },
        },
        module: { type: 'es6' },
      },
    ],
  },
  // Enough for tests that start servers or run hundreds of rounds on a busy machine. No test asserts a duration.
  testTimeout: 60_000,
  testMatch: ['<rootDir>/test/**/*.test.ts'],
  // Many files wait for servers and child processes, so no core is left free. The suites of the events and of the console
  // run their files one after the other (`--runInBand`).
  maxWorkers: '100%',
  globalSetup: '<rootDir>/test/support/global-setup.ts',
  globalTeardown: '<rootDir>/test/support/global-teardown.ts',
};
