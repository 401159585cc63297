// What has to be true under every test runner; throws where it is not.
import { testPrefork } from 'forkless/testing';

function same(actual, expected) {
  if (JSON.stringify(actual) !== JSON.stringify(expected))
    throw new Error(`expected ${JSON.stringify(expected)}, got ${JSON.stringify(actual)}`);
}

export async function scenario(extra = {}) {
  const server = testPrefork({
    worker: new URL('./counter.js', import.meta.url),
    startWorkers: 2,
    maxLifetime: 600_000,
    ...extra,
  });
  await server.start();
  let said = '';
  const clients = [server.connect(), server.connect()];
  for (const client of clients) client.on('data', (text) => (said += text));
  for (const client of clients) client.write('hello\n');
  await server.settled();
  same(said, '1: hello 1\r\n2: hello 1\r\n');
  clients[0].write('kill\n');
  await server.settled();
  same(server.status().exits, { exited: 1 });
  clients[1].end('bye\n');
  await server.advance(3_600_000);
  same(said, '1: hello 1\r\n2: hello 1\r\n2: bye 2\r\n');
  same(server.status().counts.ready, 2);
  server.workers[0].hang();
  await server.advance(300_000);
  same(server.status().exits.terminated, 1);
  await server.end();
}
