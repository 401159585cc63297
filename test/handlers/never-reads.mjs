import { serve } from 'forkless/worker';
import { isNeighbour } from './neighbours.mjs';

serve({
  connection: (socket) => {
    if (isNeighbour(socket)) {
      socket.pipe(socket);
      return;
    }
    socket.pause();
  },
});
