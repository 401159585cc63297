import { type Duplex } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { FRAME } from '../../src/common/wire/frames.ts';
import { DATA_AT } from '../../src/common/wire/ring.ts';
import { type Connection } from '../../src/main/relay/connection.ts';
import { Homeless } from '../../src/main/relay/homeless.ts';
import { type RelaySocket } from '../../src/worker/sockets/relay-socket.ts';
import { collect, nextTurn, pattern, Rig, type RigOptions } from './rig.ts';

interface Pair {
  readonly one: Rig;
  readonly two: Rig;
  readonly homeless: Homeless;
  readonly woken: Connection[];
}

/** Two workers, which answer what comes, and are done with it then. */
function pair(options: RigOptions = {}): Pair {
  const woken: Connection[] = [];
  let lease = 1_000;
  const rigs: Rig[] = [];
  const homeless = new Homeless({
    clock: { now: () => rigs[0]!.clock.now(), callAt: (at, run) => rigs[0]!.clock.callAt(at, run) },
    renewLease: (connection) => {
      connection.lease = lease += 1;
    },
    wake: (connection) => woken.push(connection),
  });
  const connected = (socket: RelaySocket): void => {
    socket.on('data', (chunk: Buffer) => {
      socket.write(chunk);
      socket.settle();
    });
    socket.on('end', () => socket.end());
  };
  for (let at = 0; at < 2; at += 1) rigs.push(new Rig({ connected, ...options, homeless }));
  return { one: rigs[0]!, two: rigs[1]!, homeless, woken };
}

/** A connection at rest at the first worker, which has answered ten bytes. */
async function resting({
  one,
}: Pair): Promise<{ client: Duplex; heard: () => Buffer; socket: RelaySocket; id: number }> {
  const { client, connection } = one.connect();
  const heard = collect(client);
  client.on('end', () => client.end());
  one.hub.offer(connection);
  client.write(pattern(0, 10));
  await one.settle();
  const socket = one.socket(connection.id);
  expect([heard().length, socket.resting]).toEqual([10, true]);
  return { client, heard, socket, id: connection.id };
}

describe('a connection at rest', () => {
  it('whose worker ends it with a last word after it was taken hears nothing of that', async () => {
    const rigs = pair();
    const { one } = rigs;
    const { client, heard, socket } = await resting(rigs);
    one.hub.takeRested();
    // The worker has not heard of it yet.
    socket.end('too late');
    await one.settle(['workerTurn', 'toMain', 'mainTurn']);
    expect([heard().length, socket.destroyed, rigs.homeless.size]).toEqual([10, true, 1]);
    client.destroy();
  });

  it('of a worker that writes over what was sent to it is closed, and the main thread goes on', async () => {
    for (const length of [-16, -1, 0x7fff_ffff, 1 << 20]) {
      const rigs = pair();
      const { one } = rigs;
      const { client, heard } = await resting(rigs);
      client.write(pattern(10, 10));
      await nextTurn();
      one.mainTurn();
      // The first header in the ring.
      new Int32Array(one.rings!.toWorker)[DATA_AT >> 2] = length;
      one.hub.takeRested();
      expect(one.broken).toMatchObject([{ code: 'FORKLESS_BAD_FRAME' }]);
      await one.settle(['toMain', 'mainTurn']);
      expect([heard().length, rigs.homeless.size]).toEqual([10, 0]);
      expect(one.over.map(({ reason }) => reason)).toEqual(['worker-lost']);
    }
  });

  it('is left to a worker that writes over what it does not read, and the main thread goes on', async () => {
    const rigs = pair();
    const { one } = rigs;
    const { client } = await resting(rigs);
    client.write(pattern(10, 10));
    await nextTurn();
    one.mainTurn();
    new Int32Array(one.rings!.toWorker)[DATA_AT >> 2] = 0x7fff_ffff;
    expect(one.hub.takeWaiting()).toBe(0);
    expect(one.broken).toMatchObject([{ code: 'FORKLESS_BAD_FRAME' }]);
    one.hub.abandon('worker-lost');
    expect([one.hub.mayTake, one.hub.takeWaiting()]).toEqual([false, 0]);
  });

  it('is closed where the worker then sends garbage: its last output may be behind that', async () => {
    const rigs = pair();
    const { one } = rigs;
    const { client, heard } = await resting(rigs);
    client.write(pattern(10, 10));
    await one.settle(['mainTurn', 'toWorker']);
    // A frame that no worker sends, and then the answer.
    one.workerLane.out.control(FRAME.open, 7);
    await one.settle();
    expect(one.broken).toMatchObject([{ code: 'FORKLESS_BAD_FRAME' }]);
    one.hub.takeRested();
    expect(one.hub.abandon('worker-lost')).toEqual([]);
    await one.settle(['mainTurn']);
    expect(rigs.homeless.size).toBe(0);
    expect(one.over.map(({ reason }) => reason)).toEqual(['worker-lost']);
    expect(heard().equals(pattern(0, heard().length))).toBe(true);
  });

  it('does not hear twice what it has heard, where its worker sends garbage and it speaks once more', async () => {
    const rigs = pair();
    const { one, two } = rigs;
    const { client, heard } = await resting(rigs);
    one.workerLane.out.control(FRAME.open, 7);
    await one.settle();
    client.write(pattern(10, 4));
    await nextTurn();
    one.hub.abandon('worker-lost');
    for (const connection of rigs.woken.splice(0)) two.hub.offer(connection);
    await two.settle();
    expect(heard().equals(pattern(0, heard().length))).toBe(true);
    expect(one.over.map(({ reason }) => reason)).toEqual(['worker-lost']);
  });

  it('does not rest once its worker says its last words', async () => {
    const rigs = pair({ capacity: 256 });
    const { one } = rigs;
    const { client, heard, socket } = await resting(rigs);
    // More than the ring has room for: the rest goes by the port.
    socket.write(pattern(10, 1_000));
    socket.settle();
    one.workerLane.finish();
    one.workerTurn();
    one.hub.takeRested();
    await one.settle(['mainTurn', 'toMain']);
    one.hub.abandon('worker-lost');
    await one.settle(['mainTurn']);
    expect(heard().equals(pattern(0, 1_010))).toBe(true);
    client.destroy();
  });
});

describe('a connection on offer', () => {
  it('whose word in memory its worker has written over is closed with the worker, and nothing throws', async () => {
    for (const again of [false, true]) {
      const rigs = pair();
      const { one, two } = rigs;
      const { connection, client } = one.connect();
      two.hub.offer(connection);
      if (again) {
        client.write(pattern(0, 10));
        await two.settle();
        two.hub.takeRested();
        client.write(pattern(10, 10));
        await two.settle(['mainTurn']);
        expect(rigs.woken.splice(0)).toEqual([connection]);
      } else expect(two.hub.takeBack(connection)).toBe(true);
      one.hub.offer(connection);
      Atomics.store(one.hub.pages[0]!, 0, 12_345);
      expect(one.hub.abandon('worker-lost')).toEqual([]);
      client.resume().end();
      await two.settle(['mainTurn']);
      await one.settle(['mainTurn']);
      expect(one.over.map(({ reason }) => reason)).toEqual(['worker-lost']);
      expect([one.claimed.length, one.released.length, rigs.homeless.size]).toEqual([1, 1, 0]);
    }
  });
});
