import { loadWorkload, measureLoad } from './load.mjs';

/** Enough workers that the blocked ones need not get the others' connections. */
const MOST = 8;

export const mixed = loadWorkload(
  {
    name: 'mixed',
    title: 'Mixed: 4 of 40 connections block their worker for 50 ms at a time; figures of the others',
    columns: ['rate', 'p50', 'p99', 'delay', 'load', 'failed'],
    // With a single thread there is nobody else to serve the others.
    runs: ({ threads }) => threads,
    rounds: (plan) => plan.mixedRounds,
    settings: ({ workers }, { transport }) =>
      transport === undefined
        ? {}
        : { maxWorkers: Math.max(MOST, workers), options: { dispatch: 'least-busy', workerHeartbeat: 200 } },
    round: ({ server, generators, plan }) => {
      if (!server) throw new Error('a load needs a server that stays');
      const spec = {
        kind: 'mixed',
        connections: 40,
        size: 32,
        duration: plan.mixedTime,
        warmUp: 3 * plan.warmUp,
      };
      return measureLoad(server, generators, spec);
    },
  },
  { kind: 'mixed', connections: 40, size: 32 },
);
