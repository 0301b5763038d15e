/** ESM throughout: Middy ships nothing else, so nothing here is transformed to CommonJS. */
export default {
  testEnvironment: 'node',
  // The same condition that the local server bundles with: it alone makes the test identity importable.
  testEnvironmentOptions: { customExportConditions: ['node', 'node-addons', 'local'] },
  extensionsToTreatAsEsm: ['.ts'],
  transform: {
    '^.+\\.ts$': [
      '@swc/jest',
      { jsc: { target: 'es2024', parser: { syntax: 'typescript' } }, module: { type: 'es6' } },
    ],
  },
  // Long enough for a busy machine: some tests start servers, others race hundreds of times. None asserts a duration.
  testTimeout: 60_000,
  testMatch: ['<rootDir>/test/**/*.test.ts'],
  globalSetup: '<rootDir>/test/support/global-setup.ts',
  globalTeardown: '<rootDir>/test/support/global-teardown.ts',
};
