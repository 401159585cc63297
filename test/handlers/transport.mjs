// Tells each client what its socket is, and what it knows when it has closed.
import { Socket } from 'node:net';
import { parentPort } from 'node:worker_threads';
import { serve } from 'forkless/worker';

const addresses = ({ remoteAddress, remotePort, remoteFamily, localAddress, localPort, localFamily }) => ({
  remoteAddress,
  remotePort,
  remoteFamily,
  localAddress,
  localPort,
  localFamily,
});

// Whether the socket has it: then asking for it changes nothing, and nothing reaches the system.
const hasNoDelay = (socket) => {
  if (!(socket instanceof Socket)) return undefined;
  const asked = [];
  Object.defineProperty(socket._handle, 'setNoDelay', {
    value: (enable) => asked.push(enable),
    configurable: true,
  });
  socket.setNoDelay(true);
  const had = asked.length === 0;
  socket.setNoDelay(false);
  delete socket._handle.setNoDelay;
  return had && asked.at(-1) === false;
};

const knows = (socket, name) =>
  socket[Object.getOwnPropertySymbols(socket).find(({ description }) => description === name)];

serve({
  connection: (socket) => {
    const { connectionId: id, allowHalfOpen, readableHighWaterMark, writableHighWaterMark } = socket;
    socket.write(
      `${JSON.stringify({
        id,
        transferred: socket instanceof Socket,
        allowHalfOpen,
        marks: [readableHighWaterMark, writableHighWaterMark],
        noDelay: hasNoDelay(socket),
        keepAlive: knows(socket, 'kSetKeepAlive'),
        paused: socket.isPaused(),
        ...addresses(socket),
      })}\n`,
    );
    socket.on('close', () => {
      parentPort.postMessage({ id, ...addresses(socket) });
    });
    socket.on('data', (chunk) => {
      if (String(chunk) === 'fail') socket.destroy(new Error('failed on demand'));
      else if (String(chunk) === 'hang') for (;;);
      else if (String(chunk) === 'exit') process.exit(3);
      else socket.write(chunk);
    });
    socket.on('error', () => undefined);
  },
});
