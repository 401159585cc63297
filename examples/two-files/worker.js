// Loaded by every worker, never by the main thread. What stands here outside of the handlers runs once a worker.
import { serve } from 'forkless/worker';

let lines = 0;

serve({
  clientConnected: ({ client, worker }) => {
    client.put(`You talk to worker ${worker.id}.`);
  },
  clientInput: ({ client, worker }, line) => {
    lines += 1;
    client.put(`${worker.id}: ${line} (line ${lines} of this worker)`);
    if (line === 'quit') client.shutdown();
  },
});
