import { describe, expect, it } from 'vitest';
import { costOfEach } from '../memory.ts';
import { nextTurn, Rig, type Peer } from './rig.ts';
import { type RelaySocket } from '../../src/worker/sockets/relay-socket.ts';

const WINDOW = 65_536;
const MAX_OUTPUT = 1_048_576;
const COUNT = 8;
const BIT = Buffer.from('x');

type Served = Peer & { socket: RelaySocket; id: number };

async function serve(rig: Rig): Promise<Served[]> {
  const all: Served[] = [];
  for (let at = 0; at < COUNT; at += 1) all.push(await rig.serve(1));
  return all;
}

// One byte on each connection in turn, so that no two of them meet in a frame.
async function drip(rig: Rig, all: readonly Served[], bytes: number, write: (peer: Served) => void) {
  for (let at = 0; at < bytes; at += 1) {
    for (const peer of all) write(peer);
    await nextTurn();
    rig.workerTurn();
    rig.mainTurn();
    while (rig.toMain() || rig.toWorker());
  }
  await rig.settle();
}

describe('single bytes cost at most twice the bound', () => {
  it('of the window, where the handler does not read', async () => {
    const rig = new Rig({ window: WINDOW, connected: () => undefined });
    const all = await serve(rig);
    const cost = await costOfEach(COUNT, async () => {
      await drip(rig, all, 8_000, ({ client }) => client.writableLength === 0 && client.write(BIT));
      return all;
    });
    expect(all.map(({ socket }) => socket.readableLength)).toEqual(all.map(() => 8_000));
    expect(cost).toBeLessThan(2 * WINDOW);
    expect(all.map(({ socket }) => (socket.read(5_000) as Buffer).length)).toEqual(all.map(() => 5_000));
  });

  it('of the window in the main thread, where the peer does not read', async () => {
    const rig = new Rig({ window: WINDOW });
    const all = await serve(rig);
    const cost = await costOfEach(COUNT, async () => {
      await drip(rig, all, 8_000, ({ socket }) => socket.write(BIT));
      return all;
    });
    expect(all.every(({ socket }) => socket.writableLength === 0)).toBe(true);
    expect(cost).toBeLessThan(2 * WINDOW);
  });

  it.each(['', 'corked'])('of `maxOutput` in the worker, where the peer does not read %s', async (corked) => {
    const rig = new Rig({ window: WINDOW, maxOutput: MAX_OUTPUT });
    const all = await serve(rig);
    const cost = await costOfEach(COUNT, async () => {
      for (const { socket } of all) {
        socket.write(Buffer.alloc(4 * WINDOW));
        await rig.settle();
        if (corked) socket.cork();
        while (socket.outputCost < MAX_OUTPUT - 1_000) socket.write('x', () => undefined);
      }
      return all;
    });
    expect(rig.socketErrors).toEqual([]);
    expect(cost).toBeGreaterThan(MAX_OUTPUT / 2);
    expect(cost).toBeLessThan(2 * MAX_OUTPUT);
    for (const { socket } of all) for (let at = 0; at < 20; at += 1) socket.write('x');
    await rig.settle();
    expect(rig.socketErrors.length).toBe(COUNT);
    expect(rig.socketErrors[0]).toMatchObject({ code: 'FORKLESS_OUTPUT_OVERFLOW' });
  });
});

describe('maxOutput', () => {
  const options = { window: 1_000, maxOutput: 10_000 };

  it('lets one corked write of any size pass, with its head and tail, as a protocol frames it', async () => {
    const rig = new Rig(options);
    const { socket, client } = await rig.serve();
    let taken = 0;
    client.on('data', (chunk: Buffer) => (taken += chunk.length));
    socket.cork();
    socket.write('head');
    socket.write(Buffer.alloc(500_000));
    socket.write('tail');
    socket.uncork();
    await rig.settle();
    expect([taken, rig.socketErrors]).toEqual([500_008, []]);
  });

  it('ends a handler that corks anew for each of its writes and never looks', async () => {
    const rig = new Rig(options);
    const { socket } = await rig.serve(1);
    for (let at = 0; at < 30 && !socket.destroyed; at += 1) {
      socket.cork();
      socket.write('head');
      socket.write(Buffer.alloc(1_000));
      socket.uncork();
      await rig.settle();
    }
    expect(rig.socketErrors).toEqual([expect.objectContaining({ code: 'FORKLESS_OUTPUT_OVERFLOW' })]);
  });

  it('ends a handler that writes more and more within one cork', async () => {
    const rig = new Rig(options);
    const { socket } = await rig.serve(1);
    socket.cork();
    for (let at = 0; at < 20; at += 1) socket.write(Buffer.alloc(1_000));
    await rig.settle();
    expect(rig.socketErrors).toEqual([expect.objectContaining({ code: 'FORKLESS_OUTPUT_OVERFLOW' })]);
  });

  it('counts exactly: steady small writes that always leave something waiting never add up', async () => {
    const rig = new Rig({ window: 1_000, maxOutput: 5_000 });
    const { socket, client } = await rig.serve(1);
    client.resume();
    for (let at = 0; at < 500; at += 1) {
      socket.write(Buffer.alloc(600));
      socket.write(Buffer.alloc(600));
      rig.workerTurn();
      if (at % 2 === 1) await rig.settle();
    }
    expect([socket.writableLength, socket.outputCost, rig.socketErrors]).toEqual([0, 0, []]);
  });
});
