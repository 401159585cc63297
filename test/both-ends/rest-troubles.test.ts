import { type Duplex } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { type Connection } from '../../src/main/relay/connection.ts';
import { type ConnectionSide } from '../../src/main/relay/connection-side.ts';
import { Homeless } from '../../src/main/relay/homeless.ts';
import { RelaySide } from '../../src/main/relay/relay-side.ts';
import { tries, WHOLE } from '../effort.ts';
import { random, whimsical } from './whimsical.ts';
import { MOVES, nextTurn, pattern, Rig, withCode, type RigOptions } from './rig.ts';

/** A peer that says bytes which tell their place, and checks that what it hears is the beginning of that. */
class Peer {
  readonly client: Duplex;
  readonly stream: Duplex;
  readonly connection: Connection;
  said = 0;
  heard = 0;
  /** It has ended its side before the end of the test. */
  left = false;
  /** Something was done to the connection after which bytes may be missing. */
  harmed = false;
  wrong: string | undefined;

  constructor(client: Duplex, connection: Connection) {
    this.client = client;
    this.stream = connection.stream;
    this.connection = connection;
    client.on('data', (chunk: Buffer) => {
      if (!chunk.equals(pattern(this.heard, chunk.length))) this.wrong ??= `at byte ${this.heard}`;
      this.heard += chunk.length;
    });
    client.on('end', () => client.end());
    client.on('error', () => undefined);
  }

  /** This pair of streams tells nothing of a far end that is destroyed while bytes wait for it; a socket does. */
  reset(): void {
    this.client.destroy();
    setImmediate(() => this.stream.destroy(withCode('ECONNRESET')));
  }

  say(bytes: number): void {
    if (this.client.writableEnded || this.client.destroyed) return;
    this.client.write(pattern(this.said, bytes));
    this.said += bytes;
  }
}

/** Workers that die and are replaced, and peers that leave, at any moment. */
class Trouble {
  readonly draw: () => number;
  readonly options: RigOptions;
  readonly homeless: Homeless;
  readonly peers: Peer[] = [];
  /** All that ever were; those from `#first` on live. */
  readonly rigs: Rig[] = [];
  readonly dead = new Set<Rig>();
  /** Some of the dead whose threads go on: they were given up while they hung. */
  readonly #zombies: Rig[] = [];
  readonly counts = { deaths: 0, survived: 0, stolen: 0 };
  #waiting: Connection[] = [];
  #lastLease = 1_000;

  constructor(seed: number, options: RigOptions) {
    this.draw = random(seed);
    this.options = options;
    this.homeless = new Homeless({
      clock: {
        now: () => this.rigs[0]!.clock.now(),
        callAt: (at, run) => this.rigs[0]!.clock.callAt(at, run),
      },
      renewLease: (connection) => {
        connection.lease = this.#lastLease += 1;
      },
      wake: (connection) => this.#waiting.push(connection),
    });
    for (let at = 0; at < 3; at += 1) this.#open();
  }

  get live(): Rig[] {
    return this.rigs.filter((rig) => !this.dead.has(rig));
  }

  pick<T>(from: readonly T[]): T {
    return from[Math.floor(this.draw() * from.length)]!;
  }

  #open(): void {
    this.rigs.push(new Rig({ ...this.options, connected: whimsical(this.draw), homeless: this.homeless }));
  }

  async connect(id: number): Promise<void> {
    const { client, stream } = this.rigs[0]!.connect(this.pick([16, 256, 16_384]));
    const connection: Connection = { id, stream, addresses: {}, acceptedAt: 0 };
    // As the listener has it: one that waits for a worker is dropped when its stream closes.
    stream
      .on('error', () => undefined)
      .on('close', () => {
        if (this.#leaves(connection)) this.homeless.refuse(connection, undefined);
      });
    this.peers.push(new Peer(client, connection));
    this.pick(this.live).hub.offer(connection);
    await this.settle();
  }

  #leaves(connection: Connection): boolean {
    const waits = this.#waiting.includes(connection);
    this.#waiting = this.#waiting.filter((each) => each !== connection);
    return waits;
  }

  dispatch(connections: readonly Connection[] = this.#waiting.splice(0)): void {
    for (const connection of connections) {
      if (connection.stream.destroyed) this.homeless.refuse(connection, undefined);
      else this.pick(this.live).hub.offer(connection);
    }
  }

  /** The worker of this rig ends, with or without a last word, and another takes its place. */
  die(rig: Rig): void {
    this.counts.deaths += 1;
    const inOrder = this.draw() < 0.5;
    if (inOrder) {
      rig.workerLane.finish();
      // A turn that was asked for before.
      if (this.draw() < 0.5) rig.workerTurn();
      if (this.draw() < 0.5) rig.hub.takeRested();
      while (rig.toMain());
    } else if (this.draw() < 0.5) this.#zombies.push(rig);
    const resting = [...rig.hub.sides].filter((side) => mustSurvive(rig, side));
    const before = resting.map(({ connection }) => connection.id);
    this.dead.add(rig);
    this.#open();
    for (const side of rig.hub.sides)
      if (!before.includes(side.connection.id)) this.#peerOf(side.connection).harmed = true;
    const { length } = rig.claimed;
    const offered = rig.hub.abandon('worker-lost');
    // It did not live to say so.
    for (const id of rig.claimed.slice(length)) this.#peerOf({ id }).harmed = true;
    this.dispatch(offered);
    this.counts.survived += before.length;
  }

  #peerOf({ id }: Pick<Connection, 'id'>): Peer {
    return this.peers.find(({ connection }) => connection.id === id)!;
  }

  deed(): void {
    const { draw } = this;
    const rig = this.pick(this.live);
    const at = draw();
    if (at < 0.02) this.die(rig);
    else if (at < 0.2) rig.hub.takeRested();
    else if (at < 0.25) this.#steal(rig);
    else if (at < 0.3) rig.workerLane.post({ mark: 1 });
    else if (at < 0.35) rig.mainLane.post({ mark: 2 });
    else if (at < 0.36) rig.relay.leaving(draw() < 0.7);
    else if (at < 0.38) this.#harm();
    else if (at < 0.39) this.#leave();
    else if (at < 0.4) this.rigs[0]!.clock.advance(1_000);
  }

  #leave(): void {
    const peer = this.pick(this.peers);
    peer.left = true;
    peer.client.end();
  }

  haunt(): void {
    for (const rig of this.dead) if (this.draw() < 0.5) rig.mainTurn();
    for (const rig of this.#zombies) rig.move(this.pick(MOVES));
  }

  #steal(rig: Rig): void {
    const others = this.live.filter((each) => each !== rig);
    for (const connection of rig.hub.takeAllBack()) {
      this.counts.stolen += 1;
      if (connection.stream.destroyed) this.homeless.refuse(connection, undefined);
      else if (this.draw() < 0.3) this.#waiting.push(connection);
      else this.pick(others).hub.offer(connection);
    }
  }

  /** Anything after which bytes may be missing happens to one connection. */
  #harm(): void {
    const peer = this.pick(this.peers);
    peer.harmed = true;
    const sides = [...this.live.flatMap((rig) => [...rig.hub.sides]), ...this.homeless.sides()];
    const side = sides.find(({ connection }) => connection === peer.connection) as RelaySide | undefined;
    const socket = this.pick(this.live).sockets.get(peer.connection.id);
    const harms = [
      () => {
        peer.reset();
      },
      () => peer.stream.destroy(),
      () => side?.timeOut('idle-timeout'),
      () => side?.destroy(),
      () => socket?.destroy(),
      () => socket?.resetAndDestroy(),
      () => socket?.end(),
      () => {
        if (this.#leaves(peer.connection)) this.homeless.refuse(peer.connection, 'no-worker');
      },
    ];
    this.pick(harms)();
  }

  async settle(): Promise<void> {
    for (let still = 0; still < 3; still += 1) {
      for (const rig of this.live) await rig.settle();
      for (const rig of this.dead) while (rig.mainTurn());
      if (this.#waiting.length > 0) still = -1;
      this.dispatch();
    }
  }
}

/** Whether a connection is at rest, as its worker knows it, and nobody is closing it. */
const mustSurvive = (rig: Rig, side: ConnectionSide): boolean =>
  side instanceof RelaySide &&
  side.state === 'open' &&
  (side.homeless || [...rig.sockets.values()].some((s) => s.lease === side.lease && s.resting));

async function live(seed: number, options: RigOptions): Promise<Trouble['counts']> {
  const town = new Trouble(seed, options);
  const { draw } = town;
  for (const id of [1, 2, 3, 4, 5, 6, 7, 8]) await town.connect(id);
  for (let turn = 0; turn < 250; turn += 1) {
    const rig = town.pick(town.live);
    for (const move of MOVES) if (draw() < 0.5) rig.move(move);
    town.haunt();
    if (draw() < 0.4) town.pick(town.peers).say(1 + Math.floor(draw() ** 3 * 500));
    if (draw() < 0.5) town.deed();
    if (draw() < 0.8) town.dispatch();
    if (draw() < 0.3) await nextTurn();
  }
  await town.settle();
  check(town, `seed ${seed}`, false);
  for (const { client } of town.peers) client.end();
  await town.settle();
  for (const rig of town.rigs) rig.clock.advance(120_000);
  await town.settle();
  for (const rig of town.rigs) rig.clock.advance(120_000);
  await town.settle();
  check(town, `seed ${seed}`, true);
  return town.counts;
}

function check(town: Trouble, text: string, over: boolean): void {
  const { peers, rigs, homeless } = town;
  expect(
    rigs.flatMap(({ broken }) => broken),
    text,
  ).toEqual([]);
  expect(
    peers.map(({ wrong }) => wrong),
    text,
  ).toEqual(peers.map(() => undefined));
  for (const { said, heard, harmed, connection } of peers)
    if (!harmed) expect(heard, `${text}, connection ${connection.id}`).toBe(said);
  if (!over) {
    const closed = peers.filter(({ client, harmed, left }) => client.readableEnded && !harmed && !left);
    expect(
      closed.map(({ connection }) => connection.id),
      text,
    ).toEqual([]);
    return;
  }
  const closed = rigs.flatMap((rig) => rig.over.map(({ connection }) => connection.id));
  expect(closed.sort(), text).toEqual(peers.map(({ connection }) => connection.id));
  for (const rig of rigs) expect(rig.released.toSorted(), text).toEqual(rig.claimed.toSorted());
  expect([homeless.size, ...rigs.map(({ hub }) => hub.open)], text).toEqual([0, ...rigs.map(() => 0)]);
}

describe('connections at rest, with peers and workers that leave at any moment', () => {
  it.each<[string, (seed: number) => RigOptions, number]>([
    ['small rings', () => ({ capacity: 1_024, window: 300 }), 150],
    ['windows of 1 to 64 bytes', (seed) => ({ window: 1 + (seed % 64) }), 64],
    ['windows of one byte', () => ({ window: 1 }), 15],
    ['usual sizes', () => ({}), 150],
  ])('keep every byte, and are told closed once, with %s', async (_, options, lives) => {
    const sum = { deaths: 0, survived: 0, stolen: 0 };
    for (let seed = 1; seed <= tries(lives); seed += 1) {
      const counts = await live(seed, options(seed));
      for (const key of Object.keys(sum) as (keyof typeof sum)[]) sum[key] += counts[key];
    }
    // The deeds were done; the few lives of a unit run need not have all of them.
    if (WHOLE) expect(Math.min(sum.deaths, sum.survived, sum.stolen)).toBeGreaterThan(0);
  });
});
