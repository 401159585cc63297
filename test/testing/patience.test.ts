import { testPrefork, type TestPrefork } from 'forkless/testing';
import { afterEach, describe, expect, it } from 'vitest';
import { handlers } from '../e2e/peers.ts';

// Each of these waits in real time until `patience` is at an end.

let server: TestPrefork;

async function started(name = 'commands'): Promise<void> {
  server = testPrefork({ worker: handlers(name), startWorkers: 2, maxWorkers: 4, patience: 1_000 });
  await server.start();
}

afterEach(async () => {
  await server.end();
});

it('an inline worker that never serves fails start()', async () => {
  server = testPrefork({ worker: 'data:text/javascript,1', patience: 1_000 });
  await expect(server.start()).rejects.toMatchObject({
    code: 'FORKLESS_BOOT_FAILED',
    message: expect.stringContaining('ended with code 0 before it called serve()') as string,
  });
});

describe('a call that nothing will come of', () => {
  it.each<[string, (waiting: TestPrefork) => Promise<unknown>]>([
    ['close()', (waiting) => waiting.close({ grace: 60_000 })],
    ['drain()', (waiting) => waiting.drain({ deadline: 60_000 })],
  ])('%s that waits for a client is told of instead of hanging', async (call, begin) => {
    await started();
    server.connect();
    await server.settled();
    await expect(begin(server)).rejects.toMatchObject({
      code: 'FORKLESS_NOT_SETTLED',
      message: expect.stringMatching(
        new RegExp(`^${call.replace('()', '\\(\\)')} waited for 1000 ms of real time: .* the next timer`),
      ) as string,
    });
  });

  it('settled() names the handler that does not end', async () => {
    await started('never-ends');
    server.connect().write('x\n');
    await expect(server.settled()).rejects.toMatchObject({
      code: 'FORKLESS_NOT_SETTLED',
      message: expect.stringContaining('clientInput of worker 1 has not ended') as string,
    });
  });
});
