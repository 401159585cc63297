import { serve } from 'forkless/worker';

serve({ connection: (socket) => socket.pipe(socket) });
