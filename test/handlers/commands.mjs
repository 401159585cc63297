// A line protocol in which each line says how to misbehave.
import { parentPort } from 'node:worker_threads';
import { serve } from 'forkless/worker';

const commands = {
  quit: ({ client }) => client.shutdown(),
  exit: ({ client, worker }) => {
    client.shutdown();
    worker.retire();
  },
  kill: () => process.exit(1),
  hang: () => {
    parentPort.postMessage('hangs');
    for (;;);
  },
  stop: ({ client }) => {
    // eslint-disable-next-line no-debugger
    debugger;
    client.put('went on');
  },
  throw: () => {
    throw new TypeError('thrown on demand');
  },
  reject: async () => {
    await Promise.reject(new TypeError('rejected on demand'));
  },
  then: () => ({
    get then() {
      throw new TypeError('thrown by then');
    },
  }),
  stray: () => {
    setImmediate(() => {
      throw new RangeError('stray');
    });
  },
  late: ({ client }) => {
    client.shutdown();
    setImmediate(() => client.put('too late'));
  },
  slow: () => new Promise((resolve) => setTimeout(resolve, 100)),
  'slow reject': () =>
    new Promise((_, reject) => setTimeout(() => reject(new TypeError('rejected late')), 100)),
  shutdown: ({ worker }) => worker.shutdown(),
  pause: ({ worker }) => worker.pause(),
  resume: ({ worker }) => worker.resume(),
  big: ({ client }) => {
    client.put('x'.repeat(1_000_000));
    client.shutdown();
  },
};

serve({
  clientConnected: ({ client, worker }) => {
    client.put(`welcome ${worker.id}`);
  },
  clientInput: (context, line) => {
    context.client.put(`${context.worker.id}: ${line}`);
    return commands[line]?.(context);
  },
});
