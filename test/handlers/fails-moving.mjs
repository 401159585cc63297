// Tests that fail before they end their preforks, whose workers go on by themselves: one posts, one puts, one sets each
// timer in the last one, and one loads so slowly that start() fails. A later test is long enough for all to have been let
// go before.
import { test } from 'node:test';
import { testPrefork } from 'forkless/testing';

const SOURCES = {
  posts: `setInterval(() => parentPort.postMessage(1), 20); serve({ clientInput() {} });`,
  puts: `serve({ clientConnected: ({ client }) => { setInterval(() => client.put('tick'), 20); }, clientInput() {} });`,
  rearms: `const tick = () => { setTimeout(tick, 20); }; tick(); serve({ clientInput() {} });`,
  loads: `await new Promise((resolve) => setTimeout(resolve, 300)); setInterval(() => undefined, 20); serve({ clientInput() {} });`,
};

for (const [name, source] of Object.entries(SOURCES))
  test(name, async () => {
    const code = `import { serve } from '${import.meta.resolve('forkless/worker')}';
      import { parentPort } from 'node:worker_threads'; ${source}`;
    const worker = new URL(`data:text/javascript,${encodeURIComponent(code)}`);
    const server = testPrefork({ worker, startWorkers: 1, patience: 50 });
    await server.start();
    server.connect().resume();
    await server.settled();
    throw new Error('failed');
  });

test('goes on meanwhile', async () => {
  await new Promise((resolve) => setTimeout(resolve, 1_000));
});
