// A server of Node's own, given to serveHttp(). `argv`: its kind, its options, and those of serveHttp().
import { createServer } from 'node:http';
import { createServer as createHttp2Server, createSecureServer } from 'node:http2';
import { createServer as createHttpsServer } from 'node:https';
import { parentPort } from 'node:worker_threads';
import { serveHttp } from 'forkless/http';

const tell = (message) => parentPort.postMessage(message);
const [kind, given = '{}', how = '{}'] = process.argv.slice(2);
const { maxConnections, dropMaxConnection, ...options } = JSON.parse(given);
const { closes, ...http } = JSON.parse(how);

const listener = (request, response) => {
  const { pathname, searchParams } = new URL(request.url, 'http://localhost');
  const answer = (value) => response.end(JSON.stringify(value));
  if (pathname === '/count') server.getConnections((error, count) => answer(error?.code ?? count));
  else if (pathname === '/listening')
    answer({
      listening: server.listening,
      address: server.address(),
      mine: request.socket.server === server,
    });
  else if (pathname === '/limit') {
    server.maxConnections = Number(searchParams.get('most'));
    answer(server.maxConnections);
  } else if (pathname === '/close') {
    server.close((error) => tell({ closed: error?.code ?? 'in order' }));
    answer('closing');
  } else if (pathname === '/close-idle') {
    server.closeIdleConnections();
    answer('closed');
  } else if (pathname === '/close-all') server.closeAllConnections();
  else if (pathname === '/slow') setTimeout(answer, 200, 'slow');
  else answer('hello');
};

const make = {
  http: createServer,
  http2: createHttp2Server,
  http2s: createSecureServer,
  https: createHttpsServer,
};
const server = make[kind](options, listener);
if (maxConnections !== undefined) server.maxConnections = maxConnections;
if (dropMaxConnection !== undefined) server.dropMaxConnection = dropMaxConnection;
server.on('drop', ({ remoteAddress }) => tell({ drop: remoteAddress }));
server.on('close', () => tell('close'));

server.on('upgrade', (request, socket) => {
  // As packages do with a socket that is theirs from now on.
  socket.removeAllListeners();
  socket.end('HTTP/1.1 101 Switching Protocols\r\n\r\n');
});

const sockets = new Set();
server.on('connection', (socket) => {
  sockets.add(socket);
  socket.once('close', () => sockets.delete(socket));
});

// As libraries do that end a server gracefully: they look at intervals whether its connections have ended, and close it
// then.
function closeWhenDone() {
  if (sockets.size > 0) setTimeout(closeWhenDone, 20);
  else server.close((error) => tell({ terminated: error?.code ?? 'in order' }));
}

serveHttp(server, {
  ...http,
  workerStarted: ({ signal }) => {
    if (closes) signal.addEventListener('abort', closeWhenDone);
  },
});
