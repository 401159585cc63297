// To a client that sends a `w` first it writes 1 GiB, as fast as the socket allows; to others what they send.
import { serve } from 'forkless/worker';

const chunk = Buffer.alloc(65_536, 'x');

const writeOn = (socket) => {
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
};

serve({
  connection: (socket) => {
    socket.on('error', () => socket.destroy());
    socket.once('data', (first) => {
      if (String(first).startsWith('w')) {
        writeOn(socket);
        return;
      }
      socket.write(first);
      socket.pipe(socket);
    });
  },
});
