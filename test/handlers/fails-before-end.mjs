// A test that fails before it ends its prefork, with a port, an open client, and a timer and a channel of the worker's.
import { test } from 'node:test';
import { testPrefork } from 'forkless/testing';

const source = `import { serve } from '${import.meta.resolve('forkless/worker')}';
  setInterval(() => {}, 1_000);
  new BroadcastChannel('left');
  serve({ clientInput() {} });`;

test('fails', async () => {
  const worker = new URL(`data:text/javascript,${encodeURIComponent(source)}`);
  const server = testPrefork({ worker, port: 0, host: '127.0.0.1', startWorkers: 1, patience: 200 });
  await server.listen();
  server.connect();
  await server.settled();
  throw new Error('failed');
});
