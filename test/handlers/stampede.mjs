// Raw echo. A first byte of 0xfe ends the thread, 0xff blocks it for ever.
import { serve } from 'forkless/worker';

serve({
  connection: (socket) => {
    socket.on('data', (chunk) => {
      if (chunk[0] === 0xfe) process.exit(1);
      while (chunk[0] === 0xff);
      socket.write(chunk);
    });
    socket.on('end', () => socket.end());
    socket.on('error', () => socket.destroy());
  },
});
