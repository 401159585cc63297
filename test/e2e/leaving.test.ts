import { afterEach, describe, expect, it } from 'vitest';
import { createPrefork, type Prefork } from 'forkless';
import { event, handlers } from './peers.ts';

let server: Prefork;

afterEach(async () => {
  await server.close({ grace: 0 });
});

describe.each(['worker', 'piscina', 'tinypool'] as const)('on the thread host %s', (threadHost) => {
  /** The second worker has begun to start, and says what it does. */
  const whileOneStarts = async (argv: readonly string[] = []): Promise<unknown[]> => {
    server = createPrefork({
      worker: handlers('slow-start'),
      threadHost,
      startWorkers: 2,
      minWorkers: 1,
      maxWorkers: 2,
      argv,
    });
    const said: unknown[] = [];
    server.on('workerMessage', ({ message }) => said.push(message));
    const starting = event(server, 'workerMessage');
    await server.start();
    await starting;
    return said;
  };

  it('a worker that is asked to leave while it starts does so in order, and is told as one that left', async () => {
    const said = await whileOneStarts();
    const exited = event(server, 'workerExited');
    server.retire(2);
    expect(await exited).toMatchObject({
      worker: 2,
      code: 0,
      reason: 'left',
      why: 'asked',
      error: undefined,
    });
    expect(said).toEqual(['starting', 'started', 'stopping']);
  });

  it('its exit has the error of `workerStarted` where that fails for it', async () => {
    const said = await whileOneStarts(['fails']);
    const exited = event(server, 'workerExited');
    server.retire(2);
    expect(await exited).toMatchObject({
      reason: 'left',
      why: 'asked',
      error: { code: 'FORKLESS_BOOT_FAILED', cause: { message: 'no time left' } },
    });
    expect(said).toEqual(['starting']);
    expect(server.status().bootFailures).toBe(0);
  });

  it('close() waits for it, and tells no error', async () => {
    await whileOneStarts();
    const exits: unknown[] = [];
    server.on('workerExited', ({ reason, why, error }) => exits.push({ reason, why, error }));
    await server.close({ grace: 20_000 });
    const left = { reason: 'left', why: 'closing', error: undefined };
    expect(exits).toEqual([left, left]);
  });
});
