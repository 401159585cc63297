// Echo by lines that tells the main thread which errors its clients had.
import { parentPort } from 'node:worker_threads';
import { serve } from 'forkless/worker';

serve({
  clientInput: ({ client }, line) => {
    client.put(line);
  },
  clientError: (_, { code, operation }) => {
    if (code !== 'EOF') parentPort.postMessage({ code, operation });
  },
});
