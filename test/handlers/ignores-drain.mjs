// Writes 1 GiB to whoever connects and never looks at what write() returns.
import { serve } from 'forkless/worker';
import { isNeighbour } from './neighbours.mjs';

const chunk = Buffer.alloc(65_536, 'x');

serve({
  connection: (socket) => {
    if (isNeighbour(socket)) {
      socket.pipe(socket);
      return;
    }
    const more = (left) => {
      for (let n = 0; n < 64; n += 1) socket.write(chunk);
      if (left > 0 && !socket.destroyed) setImmediate(more, left - 1);
    };
    more(256);
  },
});
