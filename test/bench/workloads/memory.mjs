import { setTimeout as delay } from 'node:timers/promises';
import { treeMemory } from '../measure/memory.mjs';
import { median } from '../statistics.mjs';

const KIB = 1_024;

/** @type {import('./load.mjs').Workload} */
export const births = {
  name: 'births',
  title: 'Births: from spawn to ready, and the memory of one more worker',
  columns: ['birth', 'workerMemory'],
  unit: '',
  shared: false,
  // A pool of calls and a single thread have no workers of this kind.
  runs: ({ name }) => !['net', 'piscina'].includes(name),
  rounds: () => 1,
  async round({ start, plan }) {
    const server = await start();
    await server.ready;
    await server.ask('collect');
    await delay(plan.settle);
    const before = treeMemory(server.pid);
    const times = [];
    for (let count = 0; count < plan.births; count += 1) times.push(await server.ask('birth'));
    await server.ask('collect');
    await delay(plan.settle);
    const workerMemory = (treeMemory(server.pid) - before) / plan.births / KIB / KIB;
    return { birth: median(times), workerMemory };
  },
};

/** @type {import('./load.mjs').Workload} */
export const idle = {
  name: 'idle',
  title: 'Idle connections: memory of each, after one request',
  columns: ['idleMemory', 'open', 'failed'],
  unit: '',
  shared: false,
  runs: () => true,
  rounds: () => 1,
  async round({ start, plan, generators }) {
    const server = await start();
    await server.ready;
    const memoryWith = async (/** @type {number} */ connections) => {
      let memory = NaN;
      const spec = { kind: 'idle', connections, port: server.port, duration: plan.settle };
      const { failed } = await generators.run(spec, {
        ended: async () => {
          await server.ask('collect');
          memory = treeMemory(server.pid);
        },
      });
      return { memory, failed };
    };
    const few = await memoryWith(plan.idleFirst);
    const many = await memoryWith(plan.idleFirst + plan.idleConnections);
    return {
      idleMemory: (many.memory - few.memory) / plan.idleConnections / KIB,
      open: plan.idleConnections,
      failed: many.failed,
    };
  },
};
