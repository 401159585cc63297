// Fails each connection at once: every second one by a throw.
import { serve } from 'forkless/worker';

let served = 0;

serve({
  connection: (socket) => {
    socket.on('error', () => undefined);
    served += 1;
    if (served % 2 === 0) throw new Error('thrown');
    socket.destroy(new Error('destroyed'));
  },
});
