// Each line leaks: so many MiB in the heap, or outside of it.
import { serve } from 'forkless/worker';

const kept = [];

serve({
  clientInput: ({ client, worker }, line) => {
    const [where, mebibytes] = line.split(' ');
    // No small integers: 8 bytes each.
    if (where === 'heap') kept.push(new Array(Number(mebibytes) * 131_072).fill(0.5));
    if (where === 'external') kept.push(Buffer.alloc(Number(mebibytes) * 1_048_576));
    client.put(`${worker.id} has leaked`);
  },
});
