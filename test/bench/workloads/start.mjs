import { once } from 'node:events';
import { connect } from 'node:net';

const REPLY_WITHIN = 10_000;

/** @type {import('./load.mjs').Workload} */
export const start = {
  name: 'start',
  title: 'From process start to the first reply, 2 workers',
  columns: ['firstReply'],
  unit: '',
  shared: false,
  runs: () => true,
  rounds: (plan) => plan.starts,
  async round(context) {
    const begin = performance.now();
    const server = await context.start({ workers: 2 });
    const socket = connect({ port: server.port, host: '127.0.0.1' });
    socket.write('e\n');
    await once(socket, 'data', { signal: AbortSignal.timeout(REPLY_WITHIN) });
    const firstReply = performance.now() - begin;
    socket.destroy();
    return { firstReply };
  },
};
