import { loadWorkload } from './load.mjs';

export const http = loadWorkload(
  {
    name: 'http',
    title: 'HTTP: handler that burns 2 ms of CPU, 4 workers, 32 connections',
    runs: ({ threads, program }) => threads && program !== 'piscina.mjs',
    settings: () => ({ protocol: 'http', workers: 4 }),
    // Each of the workers has its loop optimised by itself, and a few dozen requests a second are slow to bring that about.
    slowToWarm: 2,
  },
  { kind: 'dialogue', connections: 32, size: 32, script: 'http' },
);
