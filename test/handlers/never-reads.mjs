import { serve } from 'forkless/worker';

serve({
  connection: (socket) => {
    socket.pause();
  },
});
