// One prefork, closed and begun again by the same line.
import { once } from 'node:events';
import { connect } from 'node:net';
import { prefork } from 'forkless';

const echo = ({ client }, line) => void client.put(line);
const begin = () =>
  prefork(import.meta.url, {
    port: 0,
    host: '127.0.0.1',
    workers: 1,
    threadHost: process.env.HOST,
    clientInput: process.env.ANEW ? (...given) => echo(...given) : echo,
  });
for (let round = 1; round <= 3; round += 1) {
  const server = await begin().catch(({ code, message }) => console.log(code, message));
  if (!server) break;
  const client = connect(server.port, '127.0.0.1');
  client.write(`round ${round}\n`);
  const [answer] = await once(client, 'data');
  console.log(String(answer).trim());
  client.destroy();
  await server.close({ grace: 0 });
}
