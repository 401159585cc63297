import { setTimeout as delay } from 'node:timers/promises';
import { treeCpu } from '../measure/cpu.mjs';

/** @type {import('./load.mjs').Workload} */
export const idlePool = {
  name: 'idle-pool',
  title: 'An idle pool of 20 workers',
  columns: ['core'],
  unit: '',
  shared: false,
  // Without a connection there is nothing that a transport could do differently.
  runs: ({ name }) => name === 'relay',
  rounds: () => 1,
  async round({ start, plan }) {
    const server = await start({ workers: 20 });
    await server.ready;
    await delay(plan.idlePoolSettle);
    const [cpu, begin] = [treeCpu(server.pid), performance.now()];
    await delay(plan.idlePoolTime);
    return { core: (treeCpu(server.pid) - cpu) / (performance.now() - begin) / 10 };
  },
};
