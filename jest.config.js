// Tests run as native ES modules; swc strips the types, `npm run check` checks them.
export default {
  testEnvironment: 'node',
  // Every test imports what it uses of jest.
  injectGlobals: false,
  testMatch: ['<rootDir>/test/**/*.test.ts'],
  transform: {
    '^.+\\.ts$': [
      '@swc/jest',
      {
        jsc: { parser: { syntax: 'typescript' }, target: 'es2022' },
        module: { type: 'es6' },
        // Beside the code: within it they would be a third of what a worker keeps of each module.
        sourceMaps: true,
      },
    ],
  },
  extensionsToTreatAsEsm: ['.ts'],
  testTimeout: 120_000,
  testSequencer: './test/long-first.js',
  maxWorkers: 3,
  // What is left of each file's modules adds up to gigabytes in a worker, which is begun anew instead.
  workerIdleMemoryLimit: '400MB',
};
