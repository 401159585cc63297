import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { type PreforkOptions } from 'forkless';
import { Peer } from './peers.ts';
import { ServedHost, type HostStatus } from './served-host.ts';

let host: ServedHost;
let open: Socket[] = [];

afterEach(async () => {
  for (const socket of open) socket.destroy();
  open = [];
  await host.program.end();
});

const up = async (worker: string, options: PreforkOptions = {}): Promise<void> => {
  host = await new ServedHost(worker, {
    // None is born during a flood: its thread would be taken for what the clients cost.
    startWorkers: 4,
    minWorkers: 4,
    maxWorkers: 4,
    workerExpireTime: 60_000,
    ...options,
  }).up();
  await host.until(({ counts }) => counts.ready === 4);
};

/** A client of the flood; it may meet any error. */
const dial = (): Socket => {
  const socket = connect(host.port, '127.0.0.1');
  socket.on('error', () => undefined);
  open.push(socket);
  return socket;
};

/** Connected, or refused already. */
const settled = (socket: Socket): Promise<void> =>
  new Promise((resolve) => {
    for (const name of ['connect', 'close'])
      socket.once(name, () => {
        resolve();
      });
  });

// A few hundred at a time: what overflows the listen backlog, the kernel delays by seconds.
const dialAll = async (count: number): Promise<void> => {
  for (let left = count; left > 0; left -= 200)
    await Promise.all(Array.from({ length: Math.min(left, 200) }, () => settled(dial())));
};

const MIB = 1_048_576;

const WINDOW = 16_384;
// KiB that a client costs at most that does not read: at its bound a queue takes twice its bytes, and a connection some
// objects in the main thread and in its worker.
const COST = (2 * WINDOW) / 1_024 + 16;

/** A client that sends lines and waits for each to come back, until it is told to stop. */
class Bystander {
  answers = 0;
  longest = 0;
  readonly #socket = connect(host.port, '127.0.0.1');
  readonly #lasting: Promise<void>;
  #over = false;

  constructor() {
    this.#lasting = this.#talk();
    // It is told by `stop()`.
    this.#lasting.catch(() => undefined);
  }

  async #talk(): Promise<void> {
    await once(this.#socket, 'connect');
    while (!this.#over) {
      const asked = performance.now();
      const line = `line ${this.answers}\n`;
      this.#socket.write(line);
      let heard = '';
      while (heard.length < line.length) heard += String((await once(this.#socket, 'data'))[0]);
      expect(heard).toBe(line);
      this.longest = Math.max(this.longest, performance.now() - asked);
      this.answers += 1;
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }

  async stop(): Promise<void> {
    this.#over = true;
    await this.#lasting;
    this.#socket.destroy();
  }
}

interface Beside {
  readonly during: HostStatus;
  /** KiB that the host kept for each of the flood. */
  readonly each: number;
}

/** Runs a flood beside another client, and tells what it did to it. */
async function beside(what: string, count: number, flood: () => Promise<void>): Promise<Beside> {
  const before = await host.memory();
  const bystander = new Bystander();
  await host.until(({ connections }) => connections.served === 1);
  await flood();
  const during = await host.status();
  const memory = await host.memory();
  await bystander.stop();
  const grown = (memory.rss - before.rss) / MIB;
  const each = (memory.kept - before.kept) / 1_024 / count;
  console.log(
    `${count} ${what}: memory +${grown.toFixed(0)} MiB, ${each.toFixed(1)} KiB kept for each; ` +
      `beside them ${bystander.answers} answers, the slowest after ${bystander.longest.toFixed(0)} ms; ` +
      `ends ${JSON.stringify({ ...during.connections.closes, ...during.connections.drops })}`,
  );
  expect(bystander.answers).toBeGreaterThan(0);
  expect(during.exits).toEqual({});
  expect(grown).toBeLessThan(250);
  return { during, each };
}

/** All that came are accounted for. */
async function allOver(): Promise<HostStatus> {
  const sum = (tally: object): number =>
    Object.values(tally).reduce<number>((all, each) => all + Number(each), 0);
  const last = await host.until(({ connections: { open: count, accepted, drops, closes } }) => {
    const told = sum(drops) + sum(closes);
    expect(told).toBeLessThanOrEqual(accepted);
    return count === 0 && told === accepted;
  });
  for (const { open: served, owed } of last.workers) expect([served, owed]).toEqual([0, 0]);
  return last;
}

const times = (count: number): number[] => Array.from({ length: count }, (_, n) => n);

// Each takes up to 9 s alone, and five times as long beside other suites on the same two cores.
describe('a flood', { timeout: 120_000 }, () => {
  it('of 3,000 connects that send nothing is closed by firstByteTimeout', async () => {
    await up('raw-echo', { firstByteTimeout: 1_000 });
    const { during } = await beside('silent connections', 3_000, async () => {
      await dialAll(3_000);
      await host.until(({ connections }) => (connections.closes['first-byte-timeout'] ?? 0) === 3_000);
    });
    expect(during.connections.open).toBeLessThanOrEqual(1);
    await allOver();
  });

  it('of 3,000 connects meets maxConnections, and whoever is inside is served', async () => {
    await up('raw-echo', { maxConnections: 100, maxConnectionsPerAddress: 90 });
    await beside('connects over the limit', 3_000, async () => {
      await dialAll(3_000);
      await host.until(({ connections }) => connections.accepted >= 3_001);
    });
    for (const socket of open) socket.destroy();
    const { connections } = await allOver();
    expect(connections.drops).toEqual({ 'max-per-address': 3_001 - connections.served });
    expect(connections.served).toBe(90);
  });

  it('of 200,000 one-byte writes on 100 connections comes back whole', async () => {
    await up('raw-echo');
    await beside('one-byte writes', 200_000, async () => {
      await Promise.all(
        times(100).map(async (n) => {
          const peer = new Peer(host.port);
          open.push(peer.socket);
          peer.socket.setNoDelay(true);
          await once(peer.socket, 'connect');
          const sent = Buffer.alloc(2_000, String.fromCharCode(65 + (n % 26)));
          for (let at = 0; at < sent.length; at += 1)
            if (!peer.socket.write(sent.subarray(at, at + 1))) await once(peer.socket, 'drain');
          peer.socket.end();
          await peer.closed;
          expect(peer.bytes.equals(sent)).toBe(true);
        }),
      );
    });
    await allOver();
  });

  it('of 3,000 resets, half of them with bytes under way, harms nobody', async () => {
    await up('raw-echo');
    await beside('resets', 3_000, async () => {
      for (let n = 0; n < 3_000; n += 50)
        await Promise.all(
          times(50).map(async (k) => {
            const socket = dial();
            await settled(socket);
            if (k % 2 === 0) socket.write('some bytes that nobody waits for');
            socket.resetAndDestroy();
          }),
        );
      // A reset may come before the kernel has handed the connection over: then there never was one.
      await host.until(({ connections }) => connections.accepted >= 2_000 && connections.open <= 1);
    });
    await allOver();
  });

  it('of 2,000 half-open clients, which have ended and do not read, is closed with what they may have', async () => {
    await up('raw-echo', { idleTimeout: 2_000 });
    await beside('half-open clients', 2_000, async () => {
      for (let n = 0; n < 2_000; n += 200)
        await Promise.all(
          times(200).map(async () => {
            const socket = dial();
            socket.pause();
            await settled(socket);
            socket.end('x'.repeat(1_000));
          }),
        );
      await host.until(({ connections }) => connections.accepted >= 2_001 && connections.open <= 1);
    });
    await allOver();
  });

  it('of 1,000 clients that never read while 1 GiB is written to each costs a window each', async () => {
    await up('writes-or-echoes', { window: WINDOW });
    const { during, each } = await beside('clients that do not read', 1_000, async () => {
      await dialAll(1_000);
      for (const socket of open) {
        socket.pause();
        socket.write('w');
      }
      // Nothing moves any more: all the memory that they can take is taken.
      let last = -1;
      await host.until(({ connections, rss }) => {
        const still = connections.served >= 1_001 && Math.abs(rss - last) < MIB;
        last = rss;
        return still;
      });
    });
    expect(during.connections.open).toBe(1_001);
    expect(each).toBeLessThan(COST);
    // Not before: on a slow machine the first would be closed while the last connect.
    await host.call('configure', { idleTimeout: 1_000 });
    const { connections } = await allOver();
    expect(connections.closes['idle-timeout']).toBe(1_000);
  });

  it('of 1,000 clients that read a little now and then of 1 GiB each costs a window each', async () => {
    await up('writes-or-echoes', { window: WINDOW });
    const { during, each } = await beside('slow readers', 1_000, async () => {
      await dialAll(1_000);
      let read = 0;
      for (const socket of open) {
        // Not flowing, and never more than this in memory.
        socket.on('readable', () => undefined);
        socket.write('w');
      }
      for (let round = 0; round < 10; round += 1) {
        for (const socket of open) read += ((socket.read(4_096) ?? '') as Buffer).length;
        await new Promise((resolve) => setTimeout(resolve, 200));
      }
      expect(read).toBeGreaterThan(10 * MIB);
    });
    expect(during.connections.open).toBe(1_001);
    expect(each).toBeLessThan(COST);
    for (const socket of open) socket.destroy();
    await allOver();
  });

  it('of clients that leave at every possible moment leaves nothing behind', async () => {
    await up('raw-echo');
    const leave: ((socket: Socket) => void)[] = [
      (socket) => socket.end(),
      (socket) => socket.destroy(),
      (socket) => socket.resetAndDestroy(),
    ];
    const dialogue = 40;
    await beside('early leaves', leave.length * dialogue * 5, async () => {
      for (const go of leave)
        for (let moment = 0; moment < dialogue; moment += 1)
          await Promise.all(
            times(5).map(async (turn) => {
              const socket = dial();
              let seen = 0;
              // Before it is connected, in the turn in which it is, and after each byte of the dialogue.
              if (moment === 0) {
                if (turn === 0) go(socket);
                else setImmediate(go, socket);
              } else
                socket.on('connect', () => {
                  if (moment === 1) go(socket);
                  else socket.write('x'.repeat(dialogue));
                });
              socket.on('data', (bytes: Buffer) => {
                seen += bytes.length;
                if (seen >= moment || turn > 2) go(socket);
              });
              await once(socket, 'close');
            }),
          );
    });
    await allOver();
  });
});
