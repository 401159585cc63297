import { EventEmitter, once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { type Prefork, type PreforkOptions, type RunningOptions } from 'forkless';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { TRANSPORTS, type Transport } from '../transports.ts';
import { event, started, type Peer } from './peers.ts';

let transport: Transport = 'relay';
let server: Prefork;
let port: number;
let open: () => Peer;
const clients: Socket[] = [];
const warnings: Error[] = [];
const heard = (warning: Error): void => void warnings.push(warning);

// Its own size, and not that which tests have by default.
const UNSIZED: PreforkOptions = { startWorkers: undefined, maxWorkers: undefined };

async function start(name: string, options: PreforkOptions): Promise<void> {
  const prefork = await started(name, { transport, ...options });
  ({ server, port } = prefork);
  open = prefork.peer;
}

/** A client of HTTP that has had an answer, where there is one, and stays. */
async function stays(path = '/'): Promise<Socket> {
  const socket = connect(port, '127.0.0.1').on('error', () => undefined);
  clients.push(socket);
  socket.write(`GET ${path} HTTP/1.1\r\nhost: x\r\n\r\n`);
  if (path === '/') await once(socket, 'data');
  else await event(server, 'connection');
  return socket;
}

const counts = (): ReturnType<Prefork['status']>['counts'] => server.status().counts;

async function settled(): Promise<void> {
  while (counts().starting > 0) await event(server, 'workerReady');
}

async function untilReady(ready: number): Promise<void> {
  while (counts().threads !== ready || counts().ready !== ready) await event(server, 'workerExited');
}

const growthWarnings = (): Error[] =>
  warnings.filter((warning) => 'code' in warning && warning.code === 'FORKLESS_IDLE_GROWTH');

describe.each(TRANSPORTS)('by %s', (by) => {
  beforeEach(() => {
    transport = by;
    warnings.length = 0;
    process.on('warning', heard);
  });

  afterEach(async () => {
    for (const client of clients.splice(0)) client.destroy();
    await server.close({ grace: 0 });
    process.off('warning', heard);
  });

  describe('idle keep-alive clients', () => {
    const http: PreforkOptions = { argv: ['listener', '{}'] };

    it.each<[PreforkOptions['workers'], number]>([
      [2, 2],
      ['2', 2],
      ['1..3', 1],
    ])('cost no thread with `workers: %o`', async (workers, threads) => {
      // Loads are those of some seconds, not of the moment in which the clients come.
      const pace = { masterHeartbeat: 10_000, workerHeartbeat: 5_000 };
      await start('http-app', { ...http, ...UNSIZED, ...pace, workers });
      for (let n = 0; n < 20; n += 1) await stays();
      expect(counts()).toMatchObject({ threads, ready: threads, above: 0 });
      expect(server.status().connections.open).toBe(20);
      expect(growthWarnings()).toEqual([]);
    });

    it('make a pool that counts spare workers grow, are told of once, and leave it as it was', async () => {
      await start('http-app', { ...http, startWorkers: 2, maxWorkers: 6, maxSpareTime: 100 });
      for (let n = 0; n < 8; n += 1) {
        await stays();
        await settled();
      }
      expect(counts()).toMatchObject({ threads: 6, ready: 6 });
      await new Promise(setImmediate);
      expect(growthWarnings()).toHaveLength(1);
      expect(growthWarnings()[0]?.message).toMatch(
        /^the pool has grown from 2 to \d workers for idle keep-alive clients alone: .*`workers: 'cores'`/,
      );
      for (const client of clients) client.destroy();
      await untilReady(2);
    });

    it('are not blamed where requests are under way', async () => {
      await start('http-app', { ...http, startWorkers: 2, maxWorkers: 6 });
      for (let n = 0; n < 6; n += 1) {
        await stays(n === 0 ? '/never' : '/');
        await settled();
      }
      expect(counts().ready).toBe(6);
      await new Promise(setImmediate);
      expect(growthWarnings()).toEqual([]);
    });
  });

  describe('a range', () => {
    it('grows while its event loops are busy, and shrinks when its clients have gone', async () => {
      const http = { argv: ['listener', '{}'] };
      await start('http-app', { ...http, ...UNSIZED, workers: '1..3', maxSpareTime: 300 });
      const busy = await stays();
      // Between two of them it gives its heartbeats.
      while (counts().live < 2) {
        busy.write('GET /block?ms=95 HTTP/1.1\r\nhost: x\r\n\r\n');
        await once(busy, 'data');
      }
      await settled();
      busy.destroy();
      await untilReady(1);
    });
  });

  describe('make before break', () => {
    it.each<[string, PreforkOptions, number, number]>([
      ['one worker', { workers: 1 }, 1, 1],
      ['a fixed pool', { workers: 3 }, 3, 3],
      ['one more than all are spare', { startWorkers: 2, maxWorkers: 3 }, 3, 2],
      ['always full', { startWorkers: 3, minWorkers: 3, maxWorkers: 3 }, 3, 3],
    ])('in the place above maxWorkers: %s', async (_, options, size, least) => {
      await start('commands', { ...UNSIZED, ...options, graceTime: 10_000 });
      const peers: Peer[] = [];
      // Until each worker has a client.
      while (server.status().workers.some((worker) => worker.open === 0) || peers.length < size) {
        peers.push(open());
        await peers.at(-1)?.until(/welcome/);
        await settled();
      }
      expect(counts()).toMatchObject({ threads: size, above: 0 });
      let fewest = Infinity;
      let most = 0;
      const look = (): void => {
        fewest = Math.min(fewest, counts().ready);
        most = Math.max(most, counts().threads);
      };
      for (const name of ['workerSpawned', 'workerReady', 'workerRetiring', 'workerExited'] as const)
        server.on(name, look);
      const above = event(server, 'workerRetiring').then(() => counts().above);
      // The clients of a worker that leaves end when they like.
      server.on('workerRetiring', ({ worker }) => {
        for (const peer of peers) if (peer.text.includes(`welcome ${worker}\r`)) peer.send('quit\n');
      });
      await server.reload();
      expect(await above).toBe(1);
      expect([fewest, most]).toEqual([least, size + 1]);
      const closes = (): number =>
        Object.values(server.status().connections.closes).reduce((a, b) => a + b, 0);
      while (closes() < peers.length) await event(server, 'connectionClosed');
      expect(server.status().connections.closes).toEqual({ ended: peers.length });
    });
  });

  describe('a lowered maxWorkers', () => {
    it.each<[RunningOptions]>([[{ minWorkers: 1, maxWorkers: 1 }], [{ maxWorkers: 1 }], [{ workers: 1 }]])(
      'is reached beside clients that stay, who have their grace: %o',
      async (options) => {
        await start('commands', { startWorkers: 3, maxWorkers: 3, graceTime: 300 });
        const peers = Array.from({ length: 6 }, () => open());
        for (const peer of peers) await peer.until(/welcome \d+\r/);
        server.configure(options);
        while (counts().live > 1) await event(server, 'workerRetiring');
        const [left] = server.status().workers.filter(({ phase }) => phase === 'ready');
        const late = open();
        expect(await late.until(/welcome \d+\r/)).toContain(`welcome ${left?.id}\r`);
        await untilReady(1);
        expect(server.status().exits).toEqual({ terminated: 2 });
        const lost = peers.filter((peer) => !peer.text.includes(`welcome ${left?.id}\r`));
        expect(lost).toHaveLength(4);
        for (const peer of lost) await peer.closed;
        for (const peer of [late, ...peers.filter((each) => !lost.includes(each))])
          await peer.send('still\n').until(/still/);
      },
    );
  });

  describe('a reload', () => {
    it('sends none of 200 clients away twice', { timeout: 120_000 }, async () => {
      await start('sends-away', { ...UNSIZED, workers: 4, graceTime: 20_000 });
      const told = new EventEmitter();
      const sentAway: number[] = [];
      let connected = 0;
      let over = false;
      const join = (client: number): void => {
        const socket = connect(port, '127.0.0.1').on('error', () => undefined);
        clients[client] = socket;
        socket.once('data', () => {
          connected += 1;
          told.emit('joined');
        });
        socket.once('end', () => {
          socket.destroy();
          connected -= 1;
          sentAway[client] = (sentAway[client] ?? 0) + 1;
          if (!over) join(client);
        });
      };
      const joined = async (): Promise<void> => {
        while (connected < 200) await once(told, 'joined');
      };
      for (let client = 0; client < 200; client += 1) join(client);
      await joined();
      await server.reload();
      await untilReady(4);
      await joined();
      over = true;
      expect(sentAway.filter((times) => times > 1)).toEqual([]);
      expect(sentAway.filter((times) => times === 1)).toHaveLength(200);
    });
  });
});
