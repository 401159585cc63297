// Writes 1 GiB to whoever connects, as fast as the socket allows.
import { serve } from 'forkless/worker';
import { writeGibibyte } from './gibibyte.mjs';
import { isNeighbour } from './neighbours.mjs';

serve({
  connection: (socket) => {
    if (isNeighbour(socket)) socket.pipe(socket);
    else writeGibibyte(socket);
  },
});
