import { type Duplex } from 'node:stream';
import { testPrefork, type TestOptions, type TestPrefork } from 'forkless/testing';
import { afterEach, describe, expect, it } from 'vitest';

let server: TestPrefork;

async function started(options: Partial<TestOptions> = {}): Promise<Duplex> {
  const worker = new URL('../../handlers/commands.mjs', import.meta.url);
  server = testPrefork({ worker, startWorkers: 1, ...options });
  server.on('handlerError', () => undefined);
  await server.start();
  const client = server.connect();
  client.on('error', () => undefined);
  await server.settled();
  return client;
}

afterEach(async () => {
  await server.end();
});

describe('the error of an event is an Error, or there is none', () => {
  it('of a crash by anything that can be thrown', async () => {
    await started({ minUptime: 1 });
    const errors: unknown[] = [];
    server.on('workerExited', ({ error }) => errors.push(error));
    const thrown = [new RangeError('mine'), 'text', null, 7, { message: 'an object' }];
    for (const each of thrown) {
      await server.advance(60_000);
      server.workers[0]!.crash(each);
      await server.settled();
    }
    expect(errors[0]).toBe(thrown[0]);
    expect(errors.map((error) => error instanceof Error && error.message)).toEqual([
      'mine',
      'thrown: "text"',
      'thrown: null',
      'thrown: 7',
      'thrown: an object',
    ]);
  });

  it('of a connection that a handler ends', async () => {
    const client = await started();
    const errors: unknown[] = [];
    server.on('connectionClosed', ({ error }) => errors.push(error));
    client.resume().write('throw\n');
    await server.settled();
    const other = server.connect();
    other.resume().end();
    await server.settled();
    expect(errors).toEqual([expect.any(Error), undefined]);
    expect((errors[0] as Error).message).toBe('thrown on demand');
  });

  it('of a connection with the code that ended it', async () => {
    await started({ firstByteTimeout: 1_000 });
    const errors: unknown[] = [];
    server.on('connectionClosed', ({ error }) => errors.push(error));
    await server.advance(3_000);
    expect(errors).toMatchObject([{ code: 'ETIMEDOUT', message: 'ETIMEDOUT' }]);
    expect((errors[0] as Error).stack).toBe('Error: ETIMEDOUT');
  });

  it('of a connection that `dispatch` refuses', async () => {
    const errors: unknown[] = [];
    await started({
      dispatch: () => {
        // eslint-disable-next-line @typescript-eslint/only-throw-error
        throw 'no error at all';
      },
    });
    server.on('drop', ({ error }) => errors.push(error));
    server.connect().on('error', () => undefined);
    await server.settled();
    expect(errors).toMatchObject([{ code: 'FORKLESS_DISPATCH_FAILED' }]);
    expect(errors[0]).toBeInstanceOf(Error);
  });
});

it('a worker has its memory and its utilisation as soon as it is ready', async () => {
  await started();
  const [worker] = server.status().workers;
  expect(worker).toMatchObject({ phase: 'ready', utilization: 0 });
  expect(worker!.heap).toBeGreaterThan(1_000_000);
  expect(worker!.external).toBeGreaterThan(0);
});

it('has none before', async () => {
  const worker = new URL('../../handlers/commands.mjs', import.meta.url);
  server = testPrefork({ worker, startWorkers: 1 });
  server.on('workerSpawned', () => {
    expect(server.status().workers[0]).toMatchObject({
      phase: 'starting',
      heap: undefined,
      utilization: undefined,
    });
  });
  await server.start();
  expect.assertions(1);
});
