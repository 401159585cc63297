// Raw sockets on which each first byte is an odd thing to do; anything else is echoed.
import { parentPort } from 'node:worker_threads';
import { serve } from 'forkless/worker';

process.on('uncaughtException', () => undefined);

const calls = {
  r: (socket) => socket.resetAndDestroy(),
  k: (socket) => socket.setKeepAlive(1, Infinity).setNoDelay(1).end('called'),
  f: (socket) => socket.removeAllListeners('close').end('forgotten'),
  // In a microtask: 'close' comes after all that follows from it at once.
  d: (socket) => {
    socket.on('close', () => parentPort.postMessage('heard the close'));
    void Promise.resolve().then(() => socket.destroy());
  },
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
