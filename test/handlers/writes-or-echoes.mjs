// To a client that sends a `w` first it writes 1 GiB, as fast as the socket allows; to others what they send.
import { serve } from 'forkless/worker';
import { writeGibibyte } from './gibibyte.mjs';

serve({
  connection: (socket) => {
    socket.on('error', () => socket.destroy());
    socket.once('data', (first) => {
      if (String(first).startsWith('w')) {
        writeGibibyte(socket);
        return;
      }
      socket.write(first);
      socket.pipe(socket);
    });
  },
});
