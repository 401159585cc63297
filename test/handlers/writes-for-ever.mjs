// Writes 1 GiB to whoever connects, as fast as the socket allows.
import { serve } from 'forkless/worker';
import { isNeighbour } from './neighbours.mjs';

const chunk = Buffer.alloc(65_536, 'x');

serve({
  connection: (socket) => {
    if (isNeighbour(socket)) {
      socket.pipe(socket);
      return;
    }
    let left = 16_384;
    const more = () => {
      while (left > 0) {
        left -= 1;
        if (!socket.write(chunk)) return;
      }
      socket.end();
    };
    socket.on('drain', more);
    more();
  },
});
