// Counts its callbacks and tells them when asked: one disconnect for each connect.
import { parentPort } from 'node:worker_threads';
import { serve } from 'forkless/worker';

serve({
  clientConnected: ({ client }) => {
    parentPort.postMessage({ connected: client.id });
  },
  clientInput: ({ client }, line) => {
    client.put(line);
  },
  clientDisconnected: ({ client }) => {
    parentPort.postMessage({ disconnected: client.id });
  },
});
