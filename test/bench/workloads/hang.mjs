import { measureLoad } from './load.mjs';

/** @type {import('./load.mjs').Workload} */
export const hang = {
  name: 'hang',
  title: 'Hang: one worker in while (true) under 100 requests a second, each on a new connection',
  columns: ['requests', 'failed', 'late', 'held', 'p99', 'slowest'],
  unit: 'req/s',
  shared: false,
  // With a single thread nobody is left to answer.
  runs: ({ threads }) => threads,
  rounds: () => 1,
  async round({ start, plan, generators }) {
    const server = await start();
    await server.ready;
    const spec = { kind: 'hang', rate: 100, duration: plan.hangTime, timeout: plan.hangTimeout };
    const figures = await measureLoad(server, generators, spec);
    // All others are answered and gone, and what was not claimed has been taken back. One is the request that hangs.
    const held = await server.ask('held');
    return { ...figures, held: held === undefined ? NaN : held - 1 };
  },
};
