import { configDefaults, defineConfig } from 'vitest/config';

// Needs programs, threads under load or the network of this machine: `npm test` runs it, `npm run test:unit` does not.
const WITH_PROGRAMS = [
  'test/bench/**',
  'test/differential/**',
  'test/e2e/**',
  'test/main/threads/conformance.test.ts',
  'test/runners/**',
  'test/soak/**',
  // They measure memory with collections of garbage.
  'test/**/cost.test.ts',
  // They wait in real time.
  'test/testing/end.test.ts',
  'test/testing/patience.test.ts',
];

export default defineConfig(({ mode }) => ({
  test: {
    include: ['test/**/*.test.ts'],
    exclude: [...configDefaults.exclude, ...(mode === 'unit' ? WITH_PROGRAMS : [])],
    env: { TEST_RUN: mode },
    pool: 'forks',
    // One process for all files that it is given saves a quarter of the unit run. The whole run gives each a process of its own.
    isolate: mode !== 'unit',
    // Two files at a time: every end-to-end file starts real threads, and more would only measure the machine.
    maxWorkers: 2,
    // They end a test that hangs; they say nothing of how quick it is. The slowest takes 8 s here, and four times as long where
    // its machine is shared. Tests with more to do have a bound of their own.
    testTimeout: 60_000,
    hookTimeout: 60_000,
    // The same for what is looked at again until it is as wanted.
    expect: { poll: { timeout: 20_000 } },
  },
}));
