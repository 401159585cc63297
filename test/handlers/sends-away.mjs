// Ends its connections as soon as the worker is asked to leave, as a chat does whose clients connect again.
import { serve } from 'forkless/worker';

serve({
  connection: (socket, worker) => {
    socket.on('error', () => undefined);
    socket.resume();
    socket.write(`${worker.generation}\n`);
    worker.signal.addEventListener('abort', () => socket.end());
  },
});
