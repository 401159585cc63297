// Each line names a FIFO to read: a native call that no terminate() can end, until the test writes to it.
import { readFileSync } from 'node:fs';
import { serve } from 'forkless/worker';

serve({
  clientConnected: ({ client, worker }) => {
    client.put(`welcome ${worker.id}`);
  },
  clientInput: ({ client }, line) => {
    client.put(line === 'hello' ? line : readFileSync(line, 'latin1'));
  },
});
