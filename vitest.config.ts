import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    pool: 'forks',
    // Two files at a time: every end-to-end file starts real threads, and more would only measure the machine.
    maxWorkers: 2,
    // Several times what the longest takes alone: on two cores that others keep busy, three times is not enough.
    testTimeout: 60_000,
    hookTimeout: 30_000,
  },
});
