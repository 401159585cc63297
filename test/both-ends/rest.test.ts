import { type Duplex } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { type Connection } from '../../src/main/relay/connection.ts';
import { Homeless } from '../../src/main/relay/homeless.ts';
import { type RelaySocket } from '../../src/worker/sockets/relay-socket.ts';
import { tries } from '../effort.ts';
import { random, whimsical } from './whimsical.ts';
import { MOVES, nextTurn, pattern, Rig, type RigOptions } from './rig.ts';

/** Some workers with the connections that none of them has. */
class Town {
  readonly rigs: Rig[] = [];
  readonly homeless: Homeless;
  readonly woken: Connection[] = [];
  #lastLease = 1_000;

  constructor(workers: number, options: RigOptions = {}) {
    this.homeless = new Homeless({
      clock: {
        now: () => this.rigs[0]!.clock.now(),
        callAt: (at, run) => this.rigs[0]!.clock.callAt(at, run),
      },
      renewLease: (connection) => {
        connection.lease = this.#lastLease += 1;
      },
      wake: (connection) => this.woken.push(connection),
    });
    for (let at = 0; at < workers; at += 1)
      this.rigs.push(new Rig({ connected: echoes, ...options, homeless: this.homeless }));
  }

  /** Nothing moves any more; each connection that was woken goes to `next`. */
  async settle(next: (connection: Connection) => Rig): Promise<void> {
    for (let still = 0; still < 3; still += 1) {
      for (const rig of this.rigs) await rig.settle();
      for (const connection of this.woken.splice(0)) {
        next(connection).hub.offer(connection);
        still = -1;
      }
    }
  }

  get broken(): unknown[] {
    return this.rigs.flatMap(({ broken, socketErrors }) => [...broken, ...socketErrors]);
  }
}

/** Sends back what comes, and nothing is under way then. */
const echoes = (socket: RelaySocket): void => {
  socket.on('data', (chunk: Buffer) => {
    socket.write(chunk);
    socket.settle();
  });
  socket.on('end', () => socket.end());
};

/** A client that says bytes which tell their place, and checks what comes back. */
class Talker {
  said = 0;
  heard = 0;
  closed = false;
  readonly client: Duplex;

  constructor(client: Duplex) {
    this.client = client;
    client.on('data', (chunk: Buffer) => {
      expect(chunk.equals(pattern(this.heard, chunk.length)), `at byte ${this.heard}`).toBe(true);
      this.heard += chunk.length;
    });
    client.on('end', () => client.end());
    client.on('close', () => (this.closed = true));
  }

  say(bytes: number): void {
    this.client.write(pattern(this.said, bytes));
    this.said += bytes;
  }
}

const speak = async (town: Town): Promise<{ talker: Talker; connection: Connection }> => {
  const { client, connection } = town.rigs[0]!.connect();
  const talker = new Talker(client);
  town.rigs[0]!.hub.offer(connection);
  talker.say(10);
  await town.settle(() => town.rigs[0]!);
  expect(talker.heard).toBe(10);
  return { talker, connection };
};

describe('a connection at rest', () => {
  it('is taken back, stays open, and goes to another worker with its next bytes', async () => {
    const town = new Town(2);
    const [one, two] = town.rigs as [Rig, Rig];
    const { talker, connection } = await speak(town);
    one.hub.takeRested();
    await town.settle(() => two);
    expect([one.relay.open, one.hub.open, one.workerOver, one.released]).toEqual([0, 0, [1], [1]]);
    expect([town.homeless.size, talker.closed, two.claimed]).toEqual([1, false, []]);
    talker.say(20);
    await town.settle(() => two);
    expect([talker.heard, two.claimed, town.homeless.size]).toEqual([30, [connection.id], 0]);
    expect([two.socket(1).connectionId, two.socket(1).bytesRead, two.socket(1).bytesWritten]).toEqual([
      1, 30, 30,
    ]);
    talker.client.end();
    await town.settle(() => two);
    expect([
      two.over.map(({ bytesRead, bytesWritten, reason }) => [bytesRead, bytesWritten, reason]),
    ]).toEqual([[[30, 30, 'ended']]]);
    expect([one.over, town.broken]).toEqual([[], []]);
  });

  it('whose worker does not read is taken back with its bytes, of many the half that has waited longest', async () => {
    for (const [count, most] of [
      [5, 5],
      [12, 8],
      [40, 20],
    ] as const) {
      const town = new Town(2);
      const [one, two] = town.rigs as [Rig, Rig];
      const talkers: Talker[] = [];
      for (let each = 0; each < count; each += 1) talkers.push((await speak(town)).talker);
      for (const talker of talkers) {
        talker.say(3);
        await nextTurn();
      }
      one.mainTurn();
      expect(one.hub.takeWaiting()).toBe(most);
      // The worker goes on only now.
      await town.settle(() => two);
      expect(two.claimed).toEqual(talkers.slice(0, most).map((_, at) => at + 1));
      expect(talkers.map(({ heard }) => heard)).toEqual(talkers.map(() => 13));
      expect(one.hub.takeWaiting()).toBe(0);
      for (const { client } of talkers) client.destroy();
      await town.settle(() => two);
    }
  });

  it('has the noDelay that its new worker wants, whatever the one before has set', async () => {
    const town = new Town(2);
    const [one, two] = town.rigs as [Rig, Rig];
    const { talker, connection } = await speak(town);
    const set: boolean[] = [];
    Object.assign(connection.stream, { setNoDelay: (enable: boolean) => set.push(enable) });
    one.socket(1).setNoDelay(true);
    one.socket(1).settle();
    await town.settle(() => two);
    one.hub.takeRested();
    talker.say(1);
    await town.settle(() => two);
    two.socket(1).setNoDelay(false);
    two.socket(1).setNoDelay(false);
    await town.settle(() => two);
    expect(set).toEqual([true, false]);
    talker.client.destroy();
  });

  it('keeps no more of its input than a window and a read while no worker has it', async () => {
    const town = new Town(1, { window: 4_096 });
    const [one] = town.rigs as [Rig];
    const { talker, connection } = await speak(town);
    one.hub.takeRested();
    await one.settle();
    for (let each = 0; each < 1_000; each += 1) talker.say(1_000);
    for (let turn = 0; turn < 50; turn += 1) await nextTurn();
    expect([town.woken.length, connection.stream.isPaused()]).toEqual([1, true]);
    const side = town.homeless.get(1)!;
    expect(side.bytesRead - 10).toBeLessThanOrEqual(4_096 + 65_536);
    await town.settle(() => one);
    expect([talker.heard, town.broken]).toEqual([1_000_010, []]);
    talker.client.destroy();
    await town.settle(() => one);
  });

  it('that was never spoken on is not at rest, and is closed with its worker', async () => {
    const town = new Town(1);
    const [one] = town.rigs as [Rig];
    const { connection } = one.connect();
    one.hub.offer(connection);
    await town.settle(() => one);
    one.socket(1).settle();
    await town.settle(() => one);
    one.hub.takeRested();
    expect(one.hub.clients).toBe(1);
    one.hub.abandon('worker-lost');
    expect([town.homeless.size, one.over.length]).toEqual([0, 0]);
    await nextTurn();
    expect(connection.stream.writableEnded).toBe(true);
  });

  it('outlives a worker that dies, with bytes that it had not read', async () => {
    const town = new Town(2);
    const [one, two] = town.rigs as [Rig, Rig];
    const { talker } = await speak(town);
    talker.say(5);
    await nextTurn();
    // The bytes are in the ring, and nobody reads them.
    one.mainTurn();
    expect(one.hub.abandon('worker-lost')).toEqual([]);
    expect([town.homeless.size, town.woken.length]).toEqual([1, 1]);
    await two.settle();
    await town.settle(() => two);
    expect([talker.heard, talker.closed, town.broken]).toEqual([15, false, []]);
  });

  it('outlives a worker that ends in the very turn in which the last answer was given', async () => {
    const town = new Town(2);
    const [one, two] = town.rigs as [Rig, Rig];
    const { talker } = await speak(town);
    talker.say(5);
    await nextTurn();
    one.mainTurn();
    while (one.toWorker());
    // The answer is given, and the turn has not ended.
    one.workerLane.finish();
    one.hub.abandon('worker-lost');
    await town.settle(() => two);
    expect([talker.heard, town.homeless.size, talker.closed]).toEqual([15, 1, false]);
    talker.say(5);
    await two.settle();
    await town.settle(() => two);
    expect([talker.heard, town.broken]).toEqual([20, []]);
  });

  it('whose worker is busy with it again is closed with the worker', async () => {
    const town = new Town(2);
    const [one] = town.rigs as [Rig, Rig];
    const { talker } = await speak(town);
    one.socket(1).takeUp();
    one.hub.abandon('worker-lost');
    await nextTurn();
    expect([town.homeless.size, one.over.length + one.hub.open]).toEqual([0, 1]);
    talker.client.destroy();
  });

  it('is closed in order once its peer ends, with no worker', async () => {
    const town = new Town(1);
    const [one] = town.rigs as [Rig];
    const { talker } = await speak(town);
    one.hub.takeRested();
    await town.settle(() => one);
    talker.client.end();
    await town.settle(() => one);
    expect([town.homeless.size, talker.closed]).toEqual([0, true]);
    expect(one.over.map(({ reason }) => reason)).toEqual(['ended']);
  });

  it('is closed after the time that its worker gave it', async () => {
    const town = new Town(1);
    const [one] = town.rigs as [Rig];
    const { talker } = await speak(town);
    one.socket(1).setTimeout(5_000);
    one.socket(1).write(pattern(10, 1));
    talker.said += 1;
    one.socket(1).settle();
    await town.settle(() => one);
    one.hub.takeRested();
    await town.settle(() => one);
    one.clock.advance(4_999);
    await nextTurn();
    expect(town.homeless.size).toBe(1);
    one.clock.advance(500);
    await nextTurn();
    await nextTurn();
    expect([town.homeless.size, one.over.map(({ reason }) => reason)]).toEqual([0, ['ended']]);
  });

  it('that a closing prefork has is closed, and what comes later too', async () => {
    const town = new Town(1);
    const [one] = town.rigs as [Rig];
    await speak(town);
    one.hub.takeRested();
    await town.settle(() => one);
    town.homeless.close();
    await town.settle(() => one);
    expect([town.homeless.size, one.over.length]).toEqual([0, 1]);
  });

  it('whose socket is touched by its worker after it was taken changes nothing', async () => {
    const town = new Town(2);
    const [one, two] = town.rigs as [Rig, Rig];
    const { talker } = await speak(town);
    const socket = one.socket(1);
    one.hub.takeRested();
    socket.setNoDelay(true);
    expect(socket.destroyed).toBe(true);
    socket.write('too late');
    socket.end();
    socket.resetAndDestroy();
    await town.settle(() => two);
    talker.say(7);
    await town.settle(() => two);
    expect([talker.heard, talker.closed, one.socketErrors]).toEqual([17, false, []]);
  });

  it('whose worker lies about what it took ends that worker, and nobody else', async () => {
    const town = new Town(2);
    const [one, two] = town.rigs as [Rig, Rig];
    const { talker } = await speak(town);
    // The slot's second word: bytes taken.
    Atomics.store(one.hub.pages[0]!, 1, 1_000);
    one.hub.takeRested();
    expect(one.broken).toMatchObject([{ code: 'FORKLESS_BAD_FRAME' }]);
    await town.settle(() => two);
    expect([town.homeless.size, talker.closed]).toEqual([0, true]);
    expect(one.over.map(({ reason }) => reason)).toEqual(['worker-lost']);
  });

  it('keeps the credit of output that its peer has not taken', async () => {
    const town = new Town(2, { window: 1_024 });
    const [one, two] = town.rigs as [Rig, Rig];
    const { client, connection } = one.connect(64);
    one.hub.offer(connection);
    client.write(pattern(0, 10));
    await town.settle(() => one);
    one.socket(1).write(pattern(10, 600));
    one.socket(1).settle();
    await town.settle(() => one);
    one.hub.takeRested();
    client.write(pattern(10, 1));
    await town.settle(() => two);
    expect(two.claimed).toEqual([1]);
    two.socket(1).write(pattern(0, 4_000));
    await town.settle(() => two);
    // A second window is never opened: 1,024 in all.
    expect(town.broken).toEqual([]);
    expect(connection.stream.writableLength).toBeLessThanOrEqual(1_024);
    client.destroy();
    await town.settle(() => two);
  });
});

describe('connections that come to rest and are taken back at any moment', () => {
  it.each([
    ['small rings', { capacity: 1_024, window: 300 }],
    ['small windows', { window: 64 }],
    ['usual sizes', {}],
  ])('lose, double and reorder no byte, with %s', async (_, options) => {
    for (let seed = 1; seed <= tries(60); seed += 1) await wander(seed, options);
  });
});

async function wander(seed: number, options: RigOptions): Promise<void> {
  const draw = random(seed);
  const town = new Town(3, { ...options, connected: whimsical(draw) });
  const pick = <T>(from: readonly T[]): T => from[Math.floor(draw() * from.length)]!;
  const ids = [1, 2, 3, 4];
  const talkers = ids.map((id) => {
    const { client, stream } = town.rigs[0]!.connect(pick([16, 256, 16_384]));
    const connection: Connection = { id, stream, addresses: {}, acceptedAt: 0 };
    pick(town.rigs).hub.offer(connection);
    return new Talker(client);
  });
  for (let turn = 0; turn < 300; turn += 1) {
    const rig = pick(town.rigs);
    for (const move of MOVES) if (draw() < 0.5) rig.move(move);
    if (draw() < 0.4) pick(talkers).say(1 + Math.floor(draw() ** 3 * 500));
    if (draw() < 0.3) rig.hub.takeRested();
    for (const connection of town.woken.splice(0)) pick(town.rigs).hub.offer(connection);
    if (draw() < 0.1)
      for (const other of rig.hub.takeAllBack())
        pick(town.rigs.filter((each) => each !== rig)).hub.offer(other);
    if (draw() < 0.3) await nextTurn();
  }
  await town.settle(() => pick(town.rigs));
  const text = `seed ${seed}`;
  expect(town.broken, text).toEqual([]);
  expect(
    talkers.map(({ heard }) => heard),
    text,
  ).toEqual(talkers.map(({ said }) => said));
  expect(
    talkers.map(({ closed }) => closed),
    text,
  ).toEqual(talkers.map(() => false));
  for (const { client } of talkers) client.end();
  await town.settle(() => pick(town.rigs));
  expect(town.rigs.flatMap(({ over }) => over.map(({ connection }) => connection.id)).sort(), text).toEqual(
    ids,
  );
  expect([town.homeless.size, ...town.rigs.map(({ hub }) => hub.open)], text).toEqual([0, 0, 0, 0]);
}
