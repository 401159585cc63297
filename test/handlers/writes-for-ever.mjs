// Writes to whoever connects, as fast as the socket allows and without an end.
import { serve } from 'forkless/worker';
import { isNeighbour } from './neighbours.mjs';

serve({
  connection: (socket) => {
    if (isNeighbour(socket)) socket.pipe(socket);
    else writeOn(socket);
  },
});

const chunk = Buffer.alloc(65_536, 'x');

function writeOn(socket) {
  const more = () => {
    if (socket.destroyed) return;
    // A turn at a time: a peer that reads as fast as this writes must not keep the worker from its heartbeats.
    for (let at = 0; at < 16; at += 1) if (!socket.write(chunk)) return;
    setImmediate(more);
  };
  socket.on('drain', more);
  more();
}
