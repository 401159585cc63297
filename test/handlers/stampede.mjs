// Raw echo. 0xfe as the first byte of a connection ends the thread, 0xff blocks it for ever.
import { serve } from 'forkless/worker';

serve({
  connection: (socket) => {
    socket.once('data', ([first]) => {
      if (first === 0xfe) process.exit(1);
      while (first === 0xff);
    });
    socket.on('data', (chunk) => {
      socket.write(chunk);
    });
    socket.on('end', () => socket.end());
    socket.on('error', () => socket.destroy());
  },
});
