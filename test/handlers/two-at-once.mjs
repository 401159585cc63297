// Two preforks of one module, begun in one go.
import { once } from 'node:events';
import { connect } from 'node:net';
import { prefork } from 'forkless';

const named = (name) =>
  prefork(import.meta.url, {
    port: 0,
    host: '127.0.0.1',
    workers: 1,
    threadHost: process.env.HOST,
    clientInput: ({ client }, line) => void client.put(`${name} ${line}`),
  });
const both = await Promise.all([named('A'), named('B')]);
for (const server of both) {
  const client = connect(server.port, '127.0.0.1');
  client.write('hello\n');
  const [answer] = await once(client, 'data');
  console.log(String(answer).trim());
  client.destroy();
}
for (const server of both) await server.close({ grace: 0 });
