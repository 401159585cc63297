import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type RelaySocket } from '../../src/worker/sockets/relay-socket.ts';
import { collect, LANES, MOVES, pattern, Rig, type RigOptions } from './rig.ts';
import { tries } from '../effort.ts';

// A worker whose lane is full: two connections have more to send than there is room for.
async function congested(options: RigOptions) {
  const rig = new Rig({ capacity: 1_024, window: 65_536, ...options });
  const { client, socket, id } = await rig.serve();
  const bulk = [await rig.serve(1_048_576), await rig.serve(1_048_576)];
  const bulkTaken = bulk.map((peer) => {
    peer.socket.write(Buffer.alloc(60_000, 1));
    return collect(peer.client);
  });
  return { rig, client, socket, id, taken: collect(client), bulkTaken };
}

describe.each(LANES)('beside busy connections, over the %s lane', (lane) => {
  const WAYS: [string, (socket: RelaySocket) => unknown][] = [
    ['destroy()', (socket) => socket.destroy()],
    ['destroy(error)', (socket) => socket.destroy(new Error('refused'))],
    ['end() and destroy()', (socket) => socket.end().destroy()],
    [
      'destroySoon()',
      (socket) => {
        socket.destroySoon();
      },
    ],
  ];

  it.each(WAYS)('what was written before %s arrives', async (_, end) => {
    const { rig, socket, taken, bulkTaken } = await congested({ lane });
    socket.write('bye');
    end(socket);
    await rig.settle();
    expect(taken().toString()).toBe('bye');
    expect(bulkTaken.map((bytes) => bytes().length)).toEqual([60_000, 60_000]);
    expect(rig.relay.open).toBe(2);
  });

  it('large and small writes arrive in order, those that the stream still holds included', async () => {
    const { rig, socket, taken } = await congested({ lane });
    socket.write(pattern(0, 20_000));
    socket.write(pattern(20_000, 5));
    socket.write(pattern(20_005, 10_000));
    socket.destroy();
    await rig.settle();
    expect(taken().equals(pattern(0, 30_005))).toBe(true);
  });

  it('what is beyond the window is dropped, and the reason says so', async () => {
    const { rig, socket, id, taken } = await congested({ lane, window: 61_000 });
    socket.write(pattern(0, 60_000));
    socket.write(pattern(60_000, 60_000));
    socket.destroy();
    await rig.settle();
    expect(taken().equals(pattern(0, 61_000))).toBe(true);
    rig.clock.advance(2_000);
    await rig.settle();
    const over = rig.over.find(({ connection }) => connection.id === id);
    expect(over?.reason).toBe('output-dropped');
  });

  it('what is corked is not sent, as with a socket of Node', async () => {
    const { rig, socket, taken } = await congested({ lane });
    socket.write(pattern(0, 10_000));
    socket.write(pattern(10_000, 10));
    socket.cork();
    socket.write('corked');
    socket.destroy();
    await rig.settle();
    expect(taken().equals(pattern(0, 10_010))).toBe(true);
  });

  it('a reset drops what waits', async () => {
    const { rig, socket, id } = await congested({ lane });
    socket.write(pattern(0, 20_000));
    socket.resetAndDestroy();
    await rig.settle();
    expect(rig.over.map(({ connection, reason }) => [connection.id, reason])).toEqual([[id, 'reset']]);
  });

  it('the memory of what was written is the caller’s again after destroy()', async () => {
    const { rig, socket, taken } = await congested({ lane });
    const bytes = Buffer.alloc(20_000, 'a');
    socket.write(bytes);
    socket.destroy();
    bytes.fill('b');
    await rig.settle();
    expect(taken().toString()).toBe('a'.repeat(20_000));
  });

  it('a thread that ends still says all that is within credit', async () => {
    const { rig, client, socket, taken, bulkTaken } = await congested({ lane });
    const more = pattern(5, 30_000);
    socket.write('first');
    socket.write(more);
    socket.write('last');
    rig.workerLane.finish();
    // Written by somebody who hears of the exit later. Only rings are shipped.
    const goodbye = lane === 'ring' ? 'and goodbye' : '';
    socket.write(goodbye);
    await rig.settle(['toMain', 'mainTurn']);
    rig.hub.abandon('worker-lost');
    client.end();
    await rig.settle(['toMain', 'mainTurn']);
    expect(taken().toString('latin1')).toBe(`first${more.toString('latin1')}last${goodbye}`);
    expect(bulkTaken.map((bytes) => bytes().length)).toEqual([60_000, 60_000]);
  });

  it('whatever is written and in whatever order both sides move, a prefix of at least a window arrives', async () => {
    const writes = fc.array(fc.nat(9_000), { minLength: 1, maxLength: 12 });
    const moves = fc.array(fc.constantFrom(...MOVES), { maxLength: 30 });
    await fc.assert(
      fc.asyncProperty(writes, moves, fc.constantFrom(1_000, 8_000, 65_536), async (sizes, order, window) => {
        const { rig, socket, taken } = await congested({ lane, window });
        let written = 0;
        for (const size of sizes) {
          socket.write(pattern(written, size));
          written += size;
        }
        for (const move of order) rig.move(move);
        socket.destroy();
        await rig.settle();
        const got = taken();
        expect(got.equals(pattern(0, got.length))).toBe(true);
        expect(got.length).toBeGreaterThanOrEqual(Math.min(written, window));
      }),
      { numRuns: tries(60) },
    );
  });
});

describe('small pieces', () => {
  it('overtake the bulk of others', async () => {
    const { rig, socket, taken, bulkTaken } = await congested({ capacity: 65_536 });
    socket.write('quick');
    rig.workerTurn();
    await rig.settle(['toMain', 'mainTurn']);
    expect(taken().toString()).toBe('quick');
    expect(bulkTaken.some((bytes) => bytes().length < 60_000)).toBe(true);
  });

  it('in floods let the others have their turns', async () => {
    const { rig, socket, bulkTaken } = await congested({ capacity: 16_384, window: 1_048_576 });
    let sent = 0;
    const write = (): void => {
      for (let at = 0; at < 40 && sent < 20_000; at += 1) {
        socket.write(Buffer.alloc(100));
        sent += 1;
      }
    };
    for (let turn = 0; turn < 200 && bulkTaken.some((bytes) => bytes().length < 60_000); turn += 1) {
      write();
      rig.workerTurn();
      await rig.settle(['toMain', 'mainTurn', 'toWorker']);
    }
    expect(bulkTaken.map((bytes) => bytes().length)).toEqual([60_000, 60_000]);
  });
});
