// Counts in memory that all threads share, and says what the main thread has left for it.
import { getEnvironmentData } from 'node:worker_threads';
import { serve } from 'forkless/worker';

const { settings, counter } = getEnvironmentData('shared');

serve({
  clientInput: ({ client }) => {
    client.put(`${settings.name} ${Atomics.add(counter, 0, 1) + 1}`);
  },
});
