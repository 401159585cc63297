// Writes for ever to whoever asks, and never looks at what write() returns.
import { parentPort } from 'node:worker_threads';
import { serve } from 'forkless/worker';
import { serveHttp } from 'forkless/http';
import { WebSocketServer } from 'ws';

const [form] = process.argv.slice(2);
const piece = Buffer.alloc(65_536, 'x');

function writeOn(socket, write) {
  const timer = setInterval(() => {
    for (let at = 0; at < 8; at += 1) write();
    parentPort.postMessage({ waiting: socket.writableLength });
  }, 1);
  socket.on('error', ({ code }) => {
    parentPort.postMessage({ code });
  });
  socket.on('close', () => {
    clearInterval(timer);
    parentPort.postMessage({ closed: true });
  });
}

if (form === 'http')
  serveHttp((request, response) => {
    response.writeHead(200);
    writeOn(request.socket, () => response.write(piece));
  });
else if (form === 'websocket') {
  const server = serveHttp((request, response) => response.end());
  new WebSocketServer({ server }).on('connection', (client, { socket }) => {
    client.on('error', () => undefined);
    writeOn(socket, () => {
      client.send(piece);
    });
  });
} else
  serve({
    connection: (socket) => {
      writeOn(socket, () => socket.write(piece));
    },
  });
