import { loadWorkload } from './load.mjs';

export const http = loadWorkload(
  {
    name: 'http',
    title: 'HTTP: handler that burns 2 ms of CPU, 4 workers, 32 connections',
    runs: ({ threads, program }) => threads && program !== 'piscina.mjs',
    settings: () => ({ protocol: 'http', workers: 4 }),
  },
  { kind: 'dialogue', connections: 32, size: 32, script: 'http' },
);
