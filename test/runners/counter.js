// Counts its lines; `kill` ends the worker as it would a thread.
import { serve } from 'forkless/worker';

let lines = 0;
serve({
  clientInput: ({ client, worker }, line) => {
    if (line === 'kill') process.exit(1);
    client.put(`${worker.id}: ${line} ${++lines}`);
  },
});
