import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { collect, LANES, nextTurn, pattern, Rig } from './rig.ts';

// As in a worker whose user has caught uncaught exceptions; the test runner listens to them as well.
const caught: unknown[] = [];
const note = (error: unknown): void => void caught.push(error);
let others: NodeJS.UncaughtExceptionListener[] = [];

beforeEach(() => {
  caught.length = 0;
  others = process.listeners('uncaughtException');
  process.removeAllListeners('uncaughtException').on('uncaughtException', note);
});

afterEach(() => {
  process.removeListener('uncaughtException', note);
  for (const other of others) process.on('uncaughtException', other);
});

const fail = (): never => {
  throw new Error('on purpose');
};

describe.each(LANES)('over the %s lane, a handler that throws', (lane) => {
  it.each(['drain', 'callback'])('in a %s that had to wait harms no connection', async (where) => {
    const rig = new Rig({ lane, capacity: 256, window: 20_000, highWaterMark: 1_000 });
    const [one, other] = [await rig.serve(), await rig.serve()];
    const [taken, takenByOther] = [collect(one.client), collect(other.client)];
    if (where === 'drain') one.socket.once('drain', fail);
    const bytes = pattern(0, 50_000);
    one.socket.write(bytes, where === 'callback' ? fail : undefined);
    await rig.settle();
    other.socket.write('unharmed');
    one.socket.write('on it goes');
    await rig.settle();
    expect(rig.broken).toEqual([]);
    expect(caught).toMatchObject([{ message: 'on purpose' }]);
    expect(taken().equals(Buffer.concat([bytes, Buffer.from('on it goes')]))).toBe(true);
    expect(takenByOther().toString()).toBe('unharmed');
  });

  it('for each chunk still gets all that follow', async () => {
    const window = 64;
    const rig = new Rig({ lane, window, connected: () => undefined });
    const { client, socket } = await rig.serve();
    let bytes = 0;
    socket.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
      fail();
    });
    client.write(pattern(0, 10 * window));
    await rig.settle();
    await nextTurn();
    expect(bytes).toBe(10 * window);
    expect(caught.length).toBeGreaterThanOrEqual(10);
    expect(rig.broken).toEqual([]);
  });
});
