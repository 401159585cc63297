import { WebSocketServer } from 'ws';
import { serveHttp } from 'forkless/http';

const server = serveHttp((request, response) => response.end('no socket'));
const room = new BroadcastChannel('chat');
const sockets = new WebSocketServer({ server });
const tell = (text) => {
  for (const socket of sockets.clients) socket.send(text);
};
room.onmessage = ({ data }) => tell(data);
room.unref();
sockets.on('connection', (socket) => {
  socket.on('message', (data) => {
    tell(String(data));
    room.postMessage(String(data));
  });
});
