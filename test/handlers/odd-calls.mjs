// Raw sockets on which each first byte is an odd thing to do; anything else is echoed.
import { serve } from 'forkless/worker';

process.on('uncaughtException', () => undefined);

const calls = {
  r: (socket) => socket.resetAndDestroy(),
  k: (socket) => socket.setKeepAlive(1, Infinity).setNoDelay(1).end('called'),
  t: () => {
    throw new Error('caught by the module itself');
  },
};

serve({
  connection: (socket) => {
    socket.on('data', (chunk) => {
      const call = calls[String.fromCharCode(chunk[0])];
      if (call) call(socket);
      else socket.write(chunk);
    });
  },
});
