// A program that has a server for a while, as a test or a desktop application would: start, one client, close.
// Nothing is left afterwards, so the process ends by itself.
import { once } from 'node:events';
import { connect } from 'node:net';
import { prefork } from 'forkless';

const server = await prefork(import.meta.url, {
  port: 0, // any free one
  workers: 1,
  clientInput: ({ client, worker }, line) => {
    client.put(`worker ${worker.id} says: ${line.toUpperCase()}`);
    client.shutdown();
  },
});

try {
  const { port } = server.address();
  const socket = connect({ host: '127.0.0.1', port });
  socket.setEncoding('utf8');
  let answer = '';
  socket.on('data', (text) => {
    answer += text;
  });
  socket.write('hello\n');
  await once(socket, 'close');
  console.log(answer.trim());
} finally {
  await server.close({ grace: 1000 });
}
