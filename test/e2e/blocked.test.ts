import { connect } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { type Prefork } from 'forkless';
import { TRANSPORTS } from '../transports.ts';
import { getOf, KeepAlive } from './keep-alive.ts';
import { type Peer, started } from './peers.ts';

let server: Prefork | undefined;

afterEach(async () => {
  await server?.close({ grace: 0 });
});

describe.each(TRANSPORTS)('%s: while one of two workers is blocked', (transport) => {
  it('new connections are served by the other, long before their claim is overdue', async () => {
    const open = await blocked({ transport, claimTimeout: 60_000, stealAfter: 5 });
    const peers: Peer[] = [];
    for (let count = 0; count < 20; count++) {
      const peer = open();
      peers.push(peer);
      await peer.until(/welcome/);
    }
    const served = new Set(peers.map(({ text }) => /welcome (\d+)/.exec(text)?.[1]));
    expect(served.size).toBe(1);
    const [hung, free] = server!.status().workers.toSorted((a, b) => a.open - b.open);
    expect([hung?.open, free?.open]).toEqual([1, 20]);
    for (const { socket } of peers) socket.destroy();
  });

  it('with stealAfter: Infinity they wait for it until their claim is overdue', async () => {
    const open = await blocked({ transport, claimTimeout: 300, stealAfter: Infinity });
    const peers = [open(), open(), open()];
    const began = performance.now();
    await Promise.all(peers.map((peer) => peer.until(/welcome/)));
    expect(performance.now() - began).toBeGreaterThan(250);
    for (const { socket } of peers) socket.destroy();
  });
});

describe('relay: while one of two workers is blocked', () => {
  it('requests on kept-alive connections of its other clients are answered by the worker that rests', async () => {
    const prefork = await started('rests', {
      minWorkers: 2,
      maxWorkers: 2,
      maxSessionsPerWorker: Infinity,
      transport: 'relay',
      workerExpireTime: 120_000,
      stealAfter: 5,
    });
    ({ server } = prefork);
    const clients = Array.from({ length: 8 }, () => new KeepAlive(connect(prefork.port, '127.0.0.1')));
    const first = await Promise.all(clients.map((client) => client.get()));
    const [hanging] = first;
    const others = clients.filter((_, at) => at > 0 && first[at]?.worker === hanging?.worker);
    expect(others.length).toBeGreaterThan(0);
    const moved: unknown[] = [];
    server.on('connectionMoved', ({ from, why }) => moved.push([from, why]));
    clients[0]!.send(getOf('/hang'));
    // One after the other, so that the free worker rests before each.
    for (const client of others) {
      const { worker } = await client.get();
      expect(worker).not.toBe(hanging?.worker);
    }
    expect(moved).toEqual(others.map(() => [hanging?.worker, 'busy']));
    expect(server.status().connections.moves).toEqual({ busy: others.length });
    for (const { socket } of clients) socket.destroy();
  });
});

/** Starts two workers, one of which blocks for good; returns what opens a connection. */
async function blocked(options: Parameters<typeof started>[1]): Promise<() => Peer> {
  const prefork = await started('commands', {
    startWorkers: 2,
    minWorkers: 2,
    maxWorkers: 2,
    maxSessionsPerWorker: Infinity,
    workerExpireTime: 120_000,
    ...options,
  });
  ({ server } = prefork);
  const peer = prefork.peer();
  await peer.until(/welcome/);
  const hangs = new Promise((resolve) => server?.once('workerMessage', resolve));
  peer.send('hang\n');
  await hangs;
  return prefork.peer;
}
