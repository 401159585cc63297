import { testPrefork } from 'forkless/testing';
import { expect, it } from 'vitest';

it('degraded names the error of the worker that failed, also when connections are closed with it', async () => {
  const worker = new URL('../../handlers/commands.mjs', import.meta.url);
  const server = testPrefork({ worker, startWorkers: 1 });
  await server.start();
  const told: unknown[] = [];
  server.on('degraded', (degradation) => told.push(degradation));
  const client = server.connect();
  await server.settled();
  // It has left, and its worker does not know: nothing of the connection is left to wait for.
  server.workers[0]!.hang();
  client.destroy();
  const error = new Error('no memory');
  server.workers[0]!.crash(error);
  await server.settled();
  expect(told).toEqual([{ cause: 'boot', failures: 1, retryIn: expect.any(Number) as number, error }]);
  await server.end();
});
