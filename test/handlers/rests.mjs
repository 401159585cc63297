// HTTP whose paths say how the worker is to misbehave; each answer names the worker.
import { parentPort } from 'node:worker_threads';
import { serveHttp } from 'forkless/http';

let id;

const body = async (stream) => {
  let bytes = 0;
  for await (const chunk of stream) bytes += chunk.length;
  return bytes;
};

const trailersOf = ({ trailers }) => JSON.stringify(trailers);

const ways = {
  crash: () => {
    setImmediate(() => {
      throw new Error('crashed on demand');
    });
  },
  exit: () => process.exit(1),
  hang: () => {
    for (;;);
  },
  // Until the worker is to leave.
  'until-leaving': (request, response) => response.on('leaving', () => answer(response, 'left')),
  post: async (request, response) => {
    parentPort.postMessage('posted');
    // A client that goes in the middle of its body gets no answer.
    const bytes = await body(request).catch(() => undefined);
    if (bytes !== undefined) answer(response, `${bytes} ${trailersOf(request)}`);
  },
  // Before the body has come.
  early: (request, response) => {
    parentPort.postMessage('posted');
    answer(response, 'early');
  },
  same: (request, response) => response.writeHead(304, { 'x-worker': id }).end(),
  // For as long as it may.
  stream: (request, response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream', 'x-worker': id });
    response.write('data: 1\n\n');
  },
  // The app goes on with the socket after its answer.
  writes: ({ socket }, response) => {
    response.on('close', () => setTimeout(() => socket.write('more of it'), 20));
    answer(response, 'writes');
  },
  // Each once its answer is over.
  'close-idle': (request, response) => {
    response.on('close', () => server.closeIdleConnections());
    answer(response, 'closes');
  },
  'close-all': (request, response) => {
    response.on('close', () => server.closeAllConnections());
    answer(response, 'closes');
  },
  listens: ({ socket }, response) => {
    for (const event of ['close', 'error', 'timeout'])
      socket.on(event, () => parentPort.postMessage(`${event} of a socket`));
    answer(response, 'listens');
  },
};

function answer(response, text) {
  response.writeHead(200, { 'x-worker': id, 'content-length': text.length }).end(text);
}

// An inline worker has the arguments of the test runner.
const given = process.argv.at(-1) ?? '';
const options = given.startsWith('{') ? JSON.parse(given) : {};
const server = serveHttp(
  (request, response) => {
    const way = ways[request.url.slice(1)];
    if (way) return way(request, response);
    answer(response, 'hello');
  },
  {
    ...options,
    workerStarted: (worker) => {
      id = worker.id;
    },
  },
);

// The usual way: the request is told once more.
if (process.argv.includes('checks'))
  server.on('checkContinue', (request, response) => {
    response.writeContinue();
    server.emit('request', request, response);
  });

server.on('upgrade', (request, socket) => {
  socket.on('error', () => undefined);
  socket.write(
    `HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\nx-worker: ${id}\r\n\r\n`,
  );
  socket.pipe(socket);
});
