// Socket.IO: answers an event, and tells everybody on its worker of it.
import { Server } from 'socket.io';
import { serveHttp } from 'forkless/http';

const server = serveHttp((request, response) => response.end('no socket'), {
  // Closed by the server itself they would not come back; so, they do at once, to another worker.
  workerStarted: ({ signal }) => {
    signal.addEventListener('abort', () => {
      for (const { conn } of io.sockets.sockets.values()) conn.close();
    });
  },
});
const io = new Server(server, { serveClient: false });
io.on('connection', (socket) => {
  socket.on('shout', (text, answer) => {
    io.emit('shouted', text.toUpperCase());
    answer(text.length, socket.handshake.address);
  });
});
