import { parentPort } from 'node:worker_threads';
import { serve } from 'forkless/worker';

// All but the first worker start until they are asked to leave.
serve({
  workerStarted: async ({ id, signal }) => {
    if (id === 1) return;
    parentPort.postMessage('starting');
    await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
    if (process.argv.includes('fails')) throw new Error('no time left');
    parentPort.postMessage('started');
  },
  workerStopping: ({ id }) => {
    if (id !== 1) parentPort.postMessage('stopping');
  },
  clientInput: ({ client }, line) => {
    client.put(line);
  },
});
