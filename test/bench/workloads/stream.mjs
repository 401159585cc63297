import { measureLoad } from './load.mjs';

/** @type {import('./load.mjs').Workload} */
export const stream = {
  name: 'stream',
  title: 'Main loop delay while all workers are saturated (0.5 ms a request) and up to 1 GiB streams out',
  columns: ['delay', 'delayMax', 'streamed', 'rate', 'load'],
  unit: 'req/s',
  shared: false,
  // It is the delay of a main thread that leaves the work to others.
  runs: ({ name }) => !['net', 'piscina'].includes(name),
  rounds: () => 1,
  async round({ start, plan, generators }) {
    const server = await start();
    await server.ready;
    const spec = { kind: 'saturate', connections: 8, duration: plan.streamTime, total: plan.streamBytes };
    return measureLoad(server, generators, spec);
  },
};
