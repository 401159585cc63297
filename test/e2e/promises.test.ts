import { once } from 'node:events';
import { afterEach, describe, expect, it } from 'vitest';
import { type Prefork, type PreforkOptions, type WorkerExit } from 'forkless';
import { HOSTS_AND_TRANSPORTS, TRANSPORTS } from '../transports.ts';
import { Busy, withRoom, type BusyOptions } from './neighbours.ts';
import { event, type Peer, started } from './peers.ts';

/** Alone on each thread host, and beside busy neighbours on the default one. */
const VARIANTS = [
  ...HOSTS_AND_TRANSPORTS.map((one) => ({ ...one, where: 'alone' })),
  ...TRANSPORTS.map((transport) => ({
    threadHost: 'piscina' as const,
    transport,
    where: 'beside busy neighbours',
  })),
];

const rss = (): number => process.memoryUsage.rss() / 1_048_576;

/** The most that neighbours alone take within half a second. */
async function highestRss(): Promise<number> {
  let highest = rss();
  for (const until = performance.now() + 500; performance.now() < until; highest = Math.max(highest, rss()))
    await new Promise((resolve) => setTimeout(resolve, 5));
  return highest;
}

describe.each(VARIANTS)('on $threadHost by $transport, $where', ({ threadHost, transport, where }) => {
  let server: Prefork;
  let busy: Busy | undefined;
  // Neighbours come and go as well, but not where a test is about the last free place.
  const start = async (
    name: string,
    options: PreforkOptions = {},
    company: Pick<BusyOptions, 'churn' | 'leaves'> = { churn: true },
  ): Promise<() => Peer> => {
    const room = where === 'alone' ? options : withRoom(options);
    const prefork = await started(name, { threadHost, transport, ...room });
    server = prefork.server;
    if (where !== 'alone') {
      const { port } = prefork;
      busy = await Busy.begin(server, { port, handlers: name, maxWorkers: room.maxWorkers ?? 4, ...company });
    }
    return prefork.peer;
  };
  const others = where === 'alone' ? 0 : Busy.count;

  const endNeighbours = async (): Promise<void> => {
    const faults = await busy?.end();
    busy = undefined;
    expect(faults ?? []).toEqual([]);
  };

  afterEach(async () => {
    try {
      await endNeighbours();
    } finally {
      await server.close({ grace: 0 });
    }
  });

  /** Connections of the test's own clients that a worker has claimed. */
  const served = (): number => server.status().connections.served - (busy?.served ?? 0);

  describe('promise 2: every accepted connection is served by exactly one worker, or waits, or is refused', () => {
    it('what a blocked worker has not claimed goes to another', async () => {
      const open = await start('commands', {
        startWorkers: 4,
        claimTimeout: 50,
        workerExpireTime: 60_000,
        maxSpareWorkers: 9,
      });
      const victim = open();
      const blocked = Number(/welcome (\d+)/.exec(await victim.until(/welcome \d+\r/))?.[1]);
      // What it claimed before, perhaps without a word of it, would be its own.
      const hangs = event(server, 'workerMessage');
      victim.send('hang\n');
      await hangs;
      const peers = Array.from({ length: 40 }, open);
      const all = await Promise.all(peers.map((peer) => peer.until(/welcome \d+\r/)));
      expect(all.filter((text) => text.includes(`welcome ${blocked}\r`))).toEqual([]);
      expect(served()).toBe(41);
      expect(server.status().connections.drops).toEqual({});
    });

    it('waits in order while all workers are full, and gets the freed place', async () => {
      const open = await start(
        'commands',
        { startWorkers: 1, minWorkers: 1, maxWorkers: 1, maxSessionsPerWorker: 1 },
        { churn: false },
      );
      const first = open();
      await first.until(/welcome/);
      const [second, third] = [open(), open()];
      first.send('quit\n');
      await second.until(/welcome/);
      expect(third.text).toBe('');
      second.send('quit\n');
      await third.until(/welcome/);
      expect(served()).toBe(3);
      third.socket.destroy();
    });

    it('is refused with a reason when the waiting room is full, or the wait is too long, or too many are open', async () => {
      const bounds = { maxSessionsPerWorker: 1, maxWaiting: 1, waitTimeout: 100, maxConnections: 2 };
      const one = { startWorkers: 1, minWorkers: 1, maxWorkers: 1 };
      const open = await start('commands', { ...one, ...bounds }, { churn: false });
      const first = open();
      await first.until(/welcome/);
      const late = event(server, 'drop');
      const second = open();
      expect(await late).toMatchObject({
        reason: 'wait-timeout',
        connection: { remoteAddress: '127.0.0.1' },
      });
      await second.closed;
      server.configure({ waitTimeout: 60_000 });
      open();
      const many = event(server, 'drop');
      open();
      expect(await many).toMatchObject({ reason: 'max-connections' });
      server.configure({ maxConnections: Infinity });
      const full = event(server, 'drop');
      open();
      expect(await full).toMatchObject({ reason: 'waiting-room-full' });
      expect(server.status().connections.drops).toEqual({
        'wait-timeout': 1,
        'max-connections': 1,
        'waiting-room-full': 1,
      });
    });
  });

  describe('promise 3: bytes out are bytes in', () => {
    it('8 MiB each on 8 connections, in random pieces, half-closed at the end', async () => {
      const open = await start('raw-echo');
      const size = 8_388_608;
      const one = async (seed: number): Promise<void> => {
        const peer = open();
        const sent = Buffer.alloc(size);
        for (let at = 0; at < size; at += 4)
          sent.writeUInt32LE((Math.imul(at + seed, 2_654_435_761) >>> 0) % 0xffff_ffff, at);
        let at = 0;
        while (at < size) {
          const piece = sent.subarray(at, (at += 1 + ((at * 31 + seed) % 90_000)));
          if (!peer.socket.write(piece)) await once(peer.socket, 'drain');
        }
        peer.socket.end();
        await peer.closed;
        expect(peer.error).toBeUndefined();
        expect(peer.bytes.equals(sent)).toBe(true);
      };
      await Promise.all([1, 2, 3, 4, 5, 6, 7, 8].map(one));
    });
  });

  describe('promise 4: memory per connection is bounded by its windows', () => {
    it.each([
      ['does not read', 'never-reads', ''],
      ['is blocked for ever', 'commands', 'hang\n'],
    ])('64 MiB sent at a worker that %s', async (_, handlers, greeting) => {
      const open = await start(handlers, { workerExpireTime: 60_000 }, { churn: false });
      const peer = open().send(greeting);
      await event(server, 'connection');
      const before = where === 'alone' ? rss() : await highestRss();
      const chunk = Buffer.alloc(65_536);
      let sent = 0;
      while (sent < 67_108_864 && peer.socket.write(chunk)) sent += chunk.length;
      for (; sent < 67_108_864; sent += chunk.length) peer.socket.write(chunk);
      await new Promise((resolve) => setTimeout(resolve, 300));
      expect(server.status().connections.open).toBe(1 + others);
      // The client's own queue in this very process holds what it could not send; the server's share is the rest.
      const queued = peer.socket.writableLength / 1_048_576;
      expect(64 - queued).toBeLessThan(16);
      expect(rss() - before).toBeLessThan(64);
      peer.socket.destroy();
    });

    it('a handler that writes for ever to a client that does not read', async () => {
      const open = await start('writes-for-ever', {}, { churn: false });
      const peer = open();
      peer.socket.pause();
      await event(server, 'connection');
      const before = where === 'alone' ? rss() : await highestRss();
      await new Promise((resolve) => setTimeout(resolve, 500));
      expect(rss() - before).toBeLessThan(64);
      peer.socket.destroy();
    });
  });

  describe('promise 4: output that nobody reads', () => {
    it('is bounded by maxOutput when the handler ignores drain', async () => {
      const open = await start('ignores-drain', { maxOutput: 4_194_304 }, { churn: false });
      const before = where === 'alone' ? rss() : await highestRss();
      const peer = open();
      peer.socket.pause();
      await event(server, 'connection');
      const closed = event(server, 'connectionClosed');
      // Closed in the worker first; what had left it still goes to the peer.
      const held = (): number => server.status().workers.reduce((sum, { open }) => sum + open, 0);
      while (held() > others) await new Promise(setImmediate);
      peer.socket.resume();
      expect(await closed).toMatchObject({
        reason: 'handler-error',
        error: { message: 'FORKLESS_OUTPUT_OVERFLOW' },
      });
      await peer.closed;
      expect(peer.bytes.length).toBeLessThan(67_108_864);
      expect(rss() - before).toBeLessThan(96);
    });
  });

  describe('promises 5 to 8', () => {
    it('5: for each clientConnected exactly one clientDisconnected', async () => {
      const open = await start('books');
      const all: { connected?: number; disconnected?: number }[] = [];
      server.on('workerMessage', ({ message }) => all.push(message as never));
      const ofNeighbours = (id: number | undefined): boolean => id !== undefined && busy?.has(id) === true;
      const own = (): typeof all =>
        all.filter(({ connected, disconnected }) => !ofNeighbours(connected) && !ofNeighbours(disconnected));
      const peers = Array.from({ length: 100 }, open);
      await Promise.all(
        peers.map(async (peer, n) => {
          await peer.send(`hello ${n}\n`).until(/hello/);
          if (n % 3 === 0) peer.socket.resetAndDestroy();
          else if (n % 3 === 1) peer.socket.end();
          else peer.socket.destroy();
        }),
      );
      while (server.status().connections.open > (busy?.open ?? 0)) await event(server, 'connectionClosed');
      while (own().length < 200) await event(server, 'workerMessage');
      const seen = own();
      const count = (key: 'connected' | 'disconnected'): number =>
        new Set(seen.map((each) => each[key]).filter((id) => id !== undefined)).size;
      expect([seen.length, count('connected'), count('disconnected')]).toEqual([200, 100, 100]);
    });

    it('6: a draining worker gets no new connection and finishes the open ones', async () => {
      const open = await start('commands', { startWorkers: 1, minWorkers: 1 });
      const old = open();
      await old.until(/welcome 1\r/);
      server.retire(1);
      const fresh = open();
      await fresh.until(/welcome 2\r/);
      await old.send('still\n').until(/1: still/);
      const exited = event(server, 'workerExited');
      old.send('quit\n');
      await old.closed;
      expect(await exited).toMatchObject({ worker: 1, reason: 'left', why: 'asked' });
      fresh.socket.destroy();
    });

    it('6: until graceTime, then it is killed', async () => {
      const open = await start('commands', { startWorkers: 1, minWorkers: 1, graceTime: 200 });
      const old = open();
      await old.until(/welcome 1\r/);
      const exited = event(server, 'workerExited');
      server.retire(1);
      expect(await exited).toMatchObject({ worker: 1, reason: 'terminated', why: 'asked' });
      await old.closed;
    });

    it('7: a worker that served maxServed connections is replaced first and cuts nobody', async () => {
      const open = await start(
        'commands',
        { startWorkers: 1, minWorkers: 1, maxServed: 3, maxWorkers: 4 + others },
        { leaves: false },
      );
      const peers: Peer[] = [];
      for (let n = 0; n < 9; n += 1) {
        const peer = open();
        await peer.until(/welcome \d+\r/);
        peers.push(peer);
      }
      const served = peers.map(({ text }) => Number(/welcome (\d+)/.exec(text)?.[1]));
      for (const id of new Set(served))
        expect(served.filter((each) => each === id).length + (busy?.servedBy(id) ?? 0)).toBeLessThanOrEqual(
          3,
        );
      for (const peer of peers) await peer.send('still\n').until(/still/);
      for (const peer of peers) peer.socket.destroy();
    });

    it('8: a worker blocked for ever is expired, killed and replaced; others serve on', async () => {
      // Longer than a worker beats late that has much to do where cores are few.
      const open = await start('commands', { workerExpireTime: 1_500, graceTime: 200 });
      const victim = open();
      const workerOf = async (peer: Peer): Promise<string | undefined> =>
        /welcome (\d+)\r/.exec(await peer.until(/welcome \d+\r/))?.[1];
      const blocked = await workerOf(victim);
      let other = open();
      while ((await workerOf(other)) === blocked) other = open();
      const exited = event(server, 'workerExited', ({ worker }: WorkerExit) => worker === Number(blocked));
      victim.send('hang\n');
      expect(await exited).toMatchObject({ reason: 'terminated', why: 'silent' });
      await victim.closed;
      await other.send('alive\n').until(/alive/);
      while (server.status().counts.ready < 2) await event(server, 'workerReady');
      other.socket.destroy();
    });

    it('8: a stray exception in a worker ends that worker with its error, and it is replaced', async () => {
      const open = await start('commands');
      const victim = open();
      await victim.until(/welcome/);
      const exited = event(server, 'workerExited');
      victim.send('stray\n');
      expect(await exited).toMatchObject({ reason: 'crashed', error: { message: 'stray' } });
      await victim.closed;
      while (server.status().counts.ready < 2) await event(server, 'workerReady');
    });
  });

  describe('promise 9: a late master kills nobody for it', () => {
    it('as long as its host was blocked for longer than workers may be silent', async () => {
      const open = await start('commands', { workerExpireTime: 1_000, graceTime: 200 });
      const peer = open();
      await peer.until(/welcome/);
      for (const until = performance.now() + 2_000; performance.now() < until;);
      await peer.send('still\n').until(/still/);
      // Everybody has been heard of again.
      while (server.status().workers.some(({ silentFor = Infinity }) => silentFor > 500))
        await new Promise((resolve) => setTimeout(resolve, 20));
      const { exits, workers } = server.status();
      expect(Object.values(exits).filter((count) => count > 0)).toEqual([]);
      expect(workers.map(({ id }) => id)).toEqual(expect.arrayContaining([1, 2]));
      peer.socket.destroy();
    });
  });

  describe('promise 10: close() leaves nothing, and settles', () => {
    it('waits for the open connections within grace, then cuts them', async () => {
      const open = await start('commands');
      const peer = open();
      await peer.until(/welcome/);
      busy?.mayBeCut();
      const closing = server.close({ grace: 300 });
      await peer.send('still\n').until(/still/);
      await closing;
      await peer.closed;
      const { closing: cut = 0 } = server.status().connections.closes;
      expect(cut - (busy?.closes['closing'] ?? 0)).toBe(1);
      expect(server.status()).toMatchObject({ state: 'closed', workers: [], connections: { open: 0 } });
    });

    it('with a blocked worker, whose client gets an end', async () => {
      const open = await start('commands');
      const peer = open();
      await peer.until(/welcome/);
      peer.send('hang\n');
      busy?.mayBeCut();
      await server.close({ grace: 100 });
      await peer.closed;
      expect(server.status().workers).toEqual([]);
    });

    it('20 times over: no handle and no port is left', { timeout: 120_000 }, async () => {
      await start('commands');
      await endNeighbours();
      await server.close({ grace: 0 });
      const before = process.getActiveResourcesInfo().length;
      for (let n = 0; n < 20; n += 1) {
        const open = await start('commands');
        const peer = open();
        await peer.until(/welcome/);
        peer.send('quit\n');
        await peer.closed;
        await endNeighbours();
        await server.close();
      }
      expect(process.getActiveResourcesInfo().length).toBeLessThanOrEqual(before);
    });
  });
});
