import { duplexPair, type Duplex } from 'node:stream';
import { setImmediate as turn } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { MessageChannel, type MessagePort, Worker } from 'node:worker_threads';
import { rolldown } from 'rolldown';
import { describe, expect, it } from 'vitest';
import { laneToWorker } from '../../src/common/lane/open-lane.ts';
import { type LaneEnd } from '../../src/common/lane/lane.ts';
import { createRings } from '../../src/common/wire/ring.ts';
import { type Connection } from '../../src/main/relay/connection.ts';
import { Homeless } from '../../src/main/relay/homeless.ts';
import { Hub } from '../../src/main/relay/hub.ts';
import { pattern } from '../both-ends/rig.ts';
import { FakeClock } from '../main/master/fake-clock.ts';
import { random, type RestingData } from './resting-worker.ts';
import { SECONDS, SEED } from './terms.ts';

const PEERS = 40;

/** Code that a thread can run: no supported Node runs TypeScript by itself. */
async function workerCode(): Promise<string> {
  const input = fileURLToPath(new URL('./resting-worker.ts', import.meta.url));
  const bundle = await rolldown({ input, platform: 'node', logLevel: 'silent' });
  const { output } = await bundle.generate({ format: 'cjs' });
  await bundle.close();
  return output[0].code;
}

class Peer {
  readonly #client: Duplex;
  said = 0;
  heard = 0;

  constructor(client: Duplex, wrong: (what: string) => void) {
    this.#client = client;
    client.on('data', (chunk: Buffer) => {
      if (!chunk.equals(pattern(this.heard, chunk.length)))
        wrong(`another byte than said, from ${this.heard} on`);
      this.heard += chunk.length;
    });
  }

  /** It says nothing while answers to more than `ahead` bytes are due. */
  say(bytes: number, ahead: number): void {
    if (this.said - this.heard > ahead) return;
    this.#client.write(pattern(this.said, bytes));
    this.said += bytes;
  }
}

/** Workers in threads of their own, and connections that are taken from them whenever they rest. */
class Soak {
  readonly #draw = random(SEED);
  readonly #clock = new FakeClock();
  readonly #woken: Connection[] = [];
  readonly #homeless: Homeless;
  readonly #hubs: Hub[] = [];
  readonly #threads: Worker[] = [];
  readonly #ports: MessagePort[] = [];
  readonly peers: Peer[] = [];
  readonly faults: unknown[] = [];
  taken = 0;
  withBytes = 0;
  bytesBack = 0;
  #lastLease = 1_000;

  constructor(code: string, capacity: number, window: number) {
    this.#homeless = new Homeless({
      clock: this.#clock,
      renewLease: (connection) => {
        connection.lease = this.#lastLease += 1;
      },
      wake: (connection) => this.#woken.push(connection),
    });
    for (const at of [1, 2]) this.#start(code, capacity, window, SEED + at);
    for (let id = 1; id <= PEERS; id += 1) {
      const [client, stream] = duplexPair();
      this.peers.push(new Peer(client, (what) => this.faults.push(what)));
      this.#offer({ id, stream, addresses: {}, acceptedAt: 0 });
    }
  }

  #start(code: string, capacity: number, window: number, seed: number): void {
    const rings = createRings(capacity);
    const fault = (error: unknown): void => {
      this.faults.push(error);
    };
    const { port1, port2 } = new MessageChannel();
    const lane: LaneEnd = laneToWorker(rings, {
      port: port1,
      sink: (...frame) => {
        hub.frame(...frame);
      },
      passed: () => {
        hub.passed();
      },
      message: () => undefined,
      broken: fault,
      atTurnEnd: setImmediate,
    });
    const hub = this.#hub(this.#counted(lane), window, fault);
    const workerData: RestingData = { rings, leases: hub.pages, port: port2, window, seed };
    const thread = new Worker(code, { eval: true, workerData, transferList: [port2] });
    thread.on('error', fault);
    this.#ports.push(port1);
    this.#hubs.push(hub);
    this.#threads.push(thread);
  }

  #hub(lane: LaneEnd, window: number, broken: (error: unknown) => void): Hub {
    return new Hub({
      lane,
      clock: this.#clock,
      window,
      lingerTimeout: 30_000,
      homeless: this.#homeless,
      claimed: () => undefined,
      released: () => (this.taken += 1),
      closed: () => undefined,
      left: (side, terms) => {
        this.#homeless.add(side, { ...terms, from: 0, closed: () => undefined });
      },
      broken,
    });
  }

  #counted(lane: LaneEnd): LaneEnd {
    const unread = lane.unread.bind(lane);
    lane.unread = (wanted) => {
      const found = unread(wanted);
      for (const { length } of found.values()) this.bytesBack += length;
      this.withBytes += found.size;
      return found;
    };
    return lane;
  }

  #pick<T>(from: readonly T[]): T {
    return from[Math.floor(this.#draw() * from.length)]!;
  }

  #offer(connection: Connection): void {
    this.#pick(this.#hubs).offer(connection);
  }

  async step(): Promise<void> {
    for (const connection of this.#woken.splice(0)) this.#offer(connection);
    if (this.#draw() < 0.7) this.#pick(this.#hubs).takeRested();
    if (this.#draw() < 0.6) await turn();
  }

  async run(until: number, ahead: number): Promise<void> {
    while (performance.now() < until && this.faults.length === 0) {
      for (let n = 0; n < 6; n += 1)
        this.#pick(this.peers).say(1 + Math.floor(this.#draw() ** 3 * 600), ahead);
      await this.step();
    }
  }

  /** Until all is answered, or that takes too long. */
  async settle(until: number): Promise<void> {
    while (performance.now() < until && this.faults.length === 0 && this.#owes) {
      await this.step();
      await turn();
    }
  }

  get #owes(): boolean {
    return this.peers.some(({ said, heard }) => heard < said);
  }

  async end(): Promise<void> {
    for (const port of this.#ports) port.close();
    await Promise.all(this.#threads.map((thread) => thread.terminate()));
  }
}

describe('connections that rest in threads of their own', () => {
  it.each([
    // Nothing rests while anything waits for room.
    ['small rings', 4_096, 1_000, 50],
    ['rings of some size', 65_536, 16_384, 4_000],
  ])(
    'are taken back at any moment, and no byte is lost, doubled or out of order: %s',
    async (name, capacity, window, ahead) => {
      const soak = new Soak(await workerCode(), capacity, window);
      console.log(`${name}, SOAK_SEED=${SEED}`);
      const start = performance.now();
      try {
        await soak.run(start + SECONDS * 500, ahead);
        const seconds = (performance.now() - start) / 1_000;
        const { taken, withBytes, bytesBack } = soak;
        await soak.settle(performance.now() + 20_000);
        console.log(
          `taken back ${taken} (${(taken / seconds).toFixed(0)} a second), ${withBytes} with bytes, ${bytesBack} bytes copied back, ${soak.peers.reduce((sum, { said }) => sum + said, 0)} bytes checked`,
        );
        expect(soak.faults).toEqual([]);
        expect(soak.peers.map(({ heard }) => heard)).toEqual(soak.peers.map(({ said }) => said));
        expect(taken).toBeGreaterThan(100);
      } finally {
        await soak.end();
      }
    },
    SECONDS * 1_000 + 60_000,
  );
});
