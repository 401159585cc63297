// Socket.IO: answers an event, tells everybody on its worker of it, and at another event everybody on all workers.
import { Server } from 'socket.io';
import { serveHttp } from 'forkless/http';

const server = serveHttp((request, response) => response.end('no socket'), {
  // Closed by the server itself they would not come back; so, they do at once, to another worker.
  workerStarted: (worker) => {
    const leave = ({ conn }) => conn.close();
    io.on('connection', (socket) => {
      if (worker.draining) leave(socket);
    });
    worker.signal.addEventListener('abort', () => io.sockets.sockets.forEach(leave));
  },
  workerStopping: () => others.close(),
});
const io = new Server(server, { serveClient: false });

const others = new BroadcastChannel('io');
others.onmessage = ({ data }) => io.emit(...data);
const emitToAll = (...event) => {
  io.emit(...event);
  others.postMessage(event);
};

io.on('connection', (socket) => {
  socket.on('shout to all', (text) => emitToAll('shouted', text.toUpperCase()));
  socket.on('shout', (text, answer) => {
    io.emit('shouted', text.toUpperCase());
    answer(text.length, socket.handshake.address);
  });
});
