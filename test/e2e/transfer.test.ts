import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect, createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Duplex } from 'node:stream';
import { connect as connectTls } from 'node:tls';
import { createPrefork, type Prefork, type PreforkOptions } from 'forkless';
import { afterEach, describe, expect, it } from 'vitest';
import { transfers } from '../transports.ts';
import { certificate, hasOpenssl } from './certificates.ts';
import { Fifo } from './fifo.ts';
import { event, handlers, Peer, started } from './peers.ts';

let server: Prefork | undefined;

const start = async (name: string, options: PreforkOptions = {}): Promise<() => Peer> => {
  const prefork = await started(name, { transport: 'transfer', ...options });
  server = prefork.server;
  return prefork.peer;
};

const status = (): ReturnType<Prefork['status']> => server!.status();

/** What the handler said of its socket. */
async function seen(peer: Peer): Promise<Record<string, unknown>> {
  return JSON.parse(await peer.until(/\n/)) as Record<string, unknown>;
}

async function seenBy(stream: Duplex): Promise<Record<string, unknown>> {
  const [first] = (await once(stream, 'data')) as [Buffer];
  return JSON.parse(first.toString()) as Record<string, unknown>;
}

afterEach(async () => {
  await server?.close({ grace: 0 });
  server = undefined;
});

describe("transport: 'auto'", () => {
  it('transfers where this Node can, and relays where it cannot', async () => {
    const open = await start('transport', { transport: 'auto' });
    const peer = open();
    expect(await seen(peer)).toMatchObject({ transferred: transfers, remoteAddress: '127.0.0.1' });
    peer.socket.destroy();
  });
});

describe.skipIf(transfers)('on a Node that cannot move sockets', () => {
  it("transport: 'transfer' is refused with the reason", () => {
    expect(() => createPrefork({ worker: handlers('transport'), transport: 'transfer' })).toThrow(
      /`transport` to be 'relay' or 'auto' on Node v.*, which cannot move sockets to threads/,
    );
  });
});

describe.skipIf(!transfers)('a transferred connection', () => {
  it('goes to another worker if its own hangs before it can say that it has claimed it', async () => {
    const open = await start('hangs-claiming', { maxWorkers: 2, claimTimeout: 50 });
    while (status().workers.some(({ phase }) => phase !== 'ready')) await event(server!, 'workerReady');
    const claims: number[] = [];
    server!.on('connection', ({ worker }) => claims.push(worker));
    // The fewest connections first: one each, and then the even one hangs at its second.
    const peers: Peer[] = [];
    for (let count = 0; count < 4; count += 1) {
      const peer = open();
      peers.push(peer);
      await peer.until(/welcome \d/);
    }
    expect(claims.slice(0, 2).sort()).toEqual([1, 2]);
    expect(claims.slice(2)).toEqual([1, 1]);
    // It comes back, gives up what is not its own, and serves on.
    while (status().workers.some(({ suspect }) => suspect)) await new Promise((turn) => setTimeout(turn, 10));
    const late = open();
    expect(await late.until(/welcome \d/)).toMatch('welcome 2');
    expect(status().exits).toEqual({});
    expect(status().connections).toMatchObject({ open: 5, served: 5 });
    for (const { socket } of [...peers, late]) socket.destroy();
  });

  it('is a net.Socket that knows its number and addresses, also when it has closed', async () => {
    const open = await start('transport');
    const peer = open();
    const told = await seen(peer);
    const { localPort, remotePort } = peer.socket;
    const addresses = {
      remoteAddress: '127.0.0.1',
      remotePort: localPort,
      remoteFamily: 'IPv4',
      localAddress: '127.0.0.1',
      localPort: remotePort,
      localFamily: 'IPv4',
    };
    expect(told).toMatchObject({ id: 1, transferred: true, paused: false, ...addresses });
    const message = event(server!, 'workerMessage');
    const closed = event(server!, 'connectionClosed');
    peer.socket.resetAndDestroy();
    expect(await message).toMatchObject({ message: { id: 1, ...addresses } });
    expect(await closed).toMatchObject({
      connection: { id: 1, ...addresses },
      reason: 'peer-error',
      error: { code: 'ECONNRESET' },
    });
  });

  it('has the options that it was accepted with', async () => {
    const options = { noDelay: true, keepAlive: true, highWaterMark: 5_000, allowHalfOpen: true };
    const open = await start('transport', options);
    const told = await seen(open());
    expect(told).toMatchObject({
      allowHalfOpen: true,
      marks: [5_000, 5_000],
      noDelay: true,
      keepAlive: true,
    });
    await server!.close({ grace: 0 });
    const plain = await seen((await start('transport', { noDelay: false }))());
    expect(plain).toMatchObject({ allowHalfOpen: false, noDelay: false, keepAlive: false });
  });

  it('is counted by the bytes that its worker tells, and by its end', async () => {
    const open = await start('transport');
    const peer = open();
    const greeting = JSON.stringify(await seen(peer)).length + 1;
    expect(status().connections).toMatchObject({ open: 1, served: 1 });
    await peer.send('12345').until(/12345/);
    const closed = event(server!, 'connectionClosed');
    peer.socket.end();
    expect(await closed).toMatchObject({
      reason: 'ended',
      error: undefined,
      bytesRead: 5,
      bytesWritten: greeting + 5,
    });
    expect(status().connections).toMatchObject({ open: 0, bytesRead: 5, closes: { ended: 1 } });
    const failing = open();
    await seen(failing);
    const failed = event(server!, 'connectionClosed');
    failing.send('fail');
    expect(await failed).toMatchObject({ reason: 'handler-error', error: { message: 'failed on demand' } });
  });

  it('counts for maxConnections and maxSessionsPerWorker until it is closed', async () => {
    const open = await start('transport', {
      startWorkers: 2,
      maxWorkers: 2,
      maxSessionsPerWorker: 1,
      maxConnections: 2,
    });
    const peers = [open(), open()];
    await Promise.all(peers.map(seen));
    expect(status().workers.map((worker) => worker.open)).toEqual([1, 1]);
    const drop = event(server!, 'drop');
    open();
    expect(await drop).toMatchObject({ reason: 'max-connections' });
    const closed = event(server!, 'connectionClosed');
    peers[0]!.socket.destroy();
    await closed;
    await seen(open());
  });

  it('ends with its worker, whether that crashes or is killed, and is counted with the reason', async () => {
    const open = await start('transport', { startWorkers: 2, workerExpireTime: 300, graceTime: 100 });
    const [crashes, hangs] = [open(), open()];
    await Promise.all([seen(crashes), seen(hangs)]);
    crashes.send('exit');
    hangs.send('hang');
    await Promise.all([crashes.closed, hangs.closed]);
    expect([crashes.ended, hangs.ended]).toEqual([true, true]);
    while (status().connections.open > 0) await event(server!, 'connectionClosed');
    expect(status().connections.closes).toEqual({ 'worker-lost': 2 });
  });

  it('is not read before its handler has it, and loses nothing that came before', async () => {
    const open = await start('raw-echo', { startWorkers: 1, minWorkers: 1, maxWorkers: 1 });
    server!.pause();
    const peer = open();
    peer.socket.end('early bird');
    await once(peer.socket, 'finish');
    server!.resume();
    await peer.closed;
    expect(peer.text).toBe('early bird');
  });

  it('of a thread that cannot be ended stays open until it ends, and counts as closed before', async () => {
    const fifo = new Fifo();
    const open = await start('stuck', {
      workerExpireTime: 300,
      graceTime: 100,
      killTimeout: 100,
      maxWorkers: 2,
    });
    const victim = open();
    await victim.until(/welcome/);
    const closed = event(server!, 'connectionClosed');
    const zombie = event(server!, 'workerZombie');
    victim.send(`${fifo.path}\n`);
    expect(await zombie).toMatchObject({ clients: 1 });
    expect(await closed).toMatchObject({ reason: 'worker-lost' });
    expect(victim.ended).toBe(false);
    const exited = event(server!, 'workerExited');
    fifo.release();
    await Promise.all([exited, victim.closed]);
    fifo.remove();
  });
});

describe.skipIf(!transfers)('what cannot be transferred is relayed by the same worker', () => {
  const ONE = { startWorkers: 1, minWorkers: 1, maxWorkers: 1 };

  it('a Unix socket, and a connection in memory, beside one that is transferred', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'forkless-'));
    const open = await start('transport', ONE);
    const path = join(folder, 'socket');
    await server!.listen({ path });
    const [unix, tcp] = [new Peer(path), open()];
    expect(await seen(unix)).toMatchObject({ transferred: false });
    expect(await seen(tcp)).toMatchObject({ transferred: true });
    const client = server!.connect();
    expect(await seenBy(client)).toMatchObject({ transferred: false });
    await unix.send('over the path').until(/over the path/);
    for (const each of [unix.socket, tcp.socket, client]) each.destroy();
    rmSync(folder, { recursive: true });
  });

  it('a socket that was read from, while one that was not moves', async () => {
    await start('transport', ONE);
    const front = createServer({ pauseOnConnect: true }).listen(0, '127.0.0.1');
    await once(front, 'listening');
    const { port } = front.address() as AddressInfo;
    const accepted = once(front, 'connection');
    const fresh = new Peer(port);
    server!.accept(((await accepted) as [Duplex])[0]);
    expect(await seen(fresh)).toMatchObject({ transferred: true });
    const again = once(front, 'connection');
    const read = new Peer(port).send('a line and the rest');
    const [socket] = (await again) as [Duplex];
    const line = once(socket, 'data');
    socket.resume();
    await line;
    server!.accept(socket.pause());
    expect(await seen(read)).toMatchObject({ transferred: false });
    await read.send('more').until(/more/);
    for (const each of [fresh.socket, read.socket]) each.destroy();
    front.close();
  });

  it('a socket that is read while it waits for its worker', async () => {
    await start('transport', ONE);
    const front = createServer().listen(0, '127.0.0.1');
    await once(front, 'listening');
    server!.pause();
    const accepted = once(front, 'connection');
    const peer = new Peer((front.address() as AddressInfo).port).send('early');
    const [socket] = (await accepted) as [Duplex];
    server!.accept(socket);
    while (socket.readableLength === 0) await new Promise(setImmediate);
    server!.resume();
    expect(await peer.until(/early/)).toMatch(/"transferred":false/);
    peer.socket.destroy();
    front.close();
  });

  it.skipIf(!hasOpenssl)('TLS that ends in the main thread', async () => {
    await start('transport', { ...ONE, tls: { ...certificate('one.test'), in: 'main' } });
    const { port } = server!.address() as AddressInfo;
    const peer = connectTls({ port, host: '127.0.0.1', rejectUnauthorized: false });
    expect(await seenBy(peer)).toMatchObject({ transferred: false, remoteAddress: '127.0.0.1' });
    peer.destroy();
  });
});

describe.skipIf(!transfers)('a peer that leaves', () => {
  it('before its worker claims it, costs nobody anything', async () => {
    const open = await start('transport', { startWorkers: 1, minWorkers: 1, maxWorkers: 1 });
    const { port } = server!.address() as AddressInfo;
    for (let n = 0; n < 50; n += 1) {
      const peer = connect(port, '127.0.0.1');
      peer.once('connect', () => peer.resetAndDestroy());
      await once(peer, 'close');
    }
    const last = open();
    await seen(last);
    last.socket.destroy();
    while (status().connections.open > 0) await event(server!, 'connectionClosed');
    expect(status()).toMatchObject({ exits: {}, connections: { drops: {} } });
  });
});
