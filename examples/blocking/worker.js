import { serve } from 'forkless/worker';

// On purpose not a timer: this is what a parser, a compressor or a regular expression does to an event loop.
function burn(milliseconds) {
  const until = performance.now() + milliseconds;
  let rounds = 0;
  while (performance.now() < until) rounds += 1;
  return rounds;
}

serve({
  clientInput: ({ client, worker }, line) => {
    if (line === 'burn') client.put(`${worker.id}: burned 200 ms, ${burn(200)} rounds`);
    else client.put(`${worker.id}: ${line}`);
    if (line === 'quit') client.shutdown();
  },
});
