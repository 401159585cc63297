// Echoes in bulk, or says a word and ends in the way that it is asked to.
import { createServer } from 'node:http';
import { serve } from 'forkless/worker';

const http = createServer((request, response) => response.end('fine'));

const WAYS = {
  destroy: (socket) => socket.destroy(),
  fail: (socket) => socket.destroy(new Error('on demand')),
  end: (socket) => {
    socket.end();
    socket.destroy();
  },
  exit: () => process.exit(3),
  crash: () => {
    setImmediate(() => {
      throw new Error('crashed on demand');
    });
  },
};

async function echoUntilEnd(socket) {
  for await (const chunk of socket) socket.write(chunk);
}

serve({
  connection: (socket) => {
    socket.on('error', () => undefined);
    socket.once('data', (first) => {
      const way = String(first.subarray(0, 10)).trim();
      if (way === 'http') {
        http.emit('connection', socket);
        socket.write('http ');
      } else if (way === 'iterate') {
        socket.on('end', () => socket.end('tail'));
        void echoUntilEnd(socket);
      } else if (way in WAYS) {
        socket.write(`bye by ${way}`);
        WAYS[way](socket);
      } else socket.pipe(socket).write(first);
    });
  },
});
