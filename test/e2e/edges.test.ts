import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect, createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { duplexPair, PassThrough } from 'node:stream';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createPrefork, type Prefork, type WorkerStatus } from 'forkless';
import { TRANSPORTS } from '../transports.ts';
import { event, handlers, Peer, started } from './peers.ts';

let server: Prefork;

afterEach(async () => {
  await server.close({ grace: 0 });
});

describe('one connection harms no other', () => {
  it.each(['a Unix socket', 'TCP'])('when it is reset or called oddly on %s', async (kind) => {
    const folder = mkdtempSync(join(tmpdir(), 'forkless-'));
    const path = kind === 'TCP' ? {} : { path: join(folder, 'socket') };
    const prefork = await started('odd-calls', { startWorkers: 1, minWorkers: 1, maxWorkers: 1, ...path });
    server = prefork.server;
    const bystander = prefork.peer();
    await bystander.send('a').until(/a/);
    const reset = prefork.peer().send('r');
    await reset.closed;
    await prefork
      .peer()
      .send('k')
      .until(/called/);
    await bystander.send('z').until(/az/);
    expect(server.status().exits).toEqual({});
    bystander.socket.destroy();
    rmSync(folder, { recursive: true });
  });

  it('when its handler throws and the module catches the uncaught', async () => {
    const prefork = await started('odd-calls', { startWorkers: 1, minWorkers: 1, maxWorkers: 1 });
    server = prefork.server;
    const peers = Array.from({ length: 20 }, prefork.peer);
    await Promise.all(peers.map((peer) => peer.send('a').until(/a/)));
    // One batch for all: the throwing one stands in the middle.
    peers.forEach((peer, n) => peer.send(n === 10 ? 't' : 'bcd'));
    await Promise.all(peers.filter((_, n) => n !== 10).map((peer) => peer.until(/abcd/)));
    for (const { socket } of peers) socket.destroy();
  });
});

describe.each(TRANSPORTS)('a raw socket by %s', (transport) => {
  beforeEach(async () => {
    const prefork = await started('odd-calls', { startWorkers: 1, minWorkers: 0, maxWorkers: 1, transport });
    server = prefork.server;
    peer = prefork.peer();
  });
  let peer: Peer;

  it('lets its worker leave also when nobody listens to its close any more', async () => {
    await peer.send('f').until(/forgotten/);
    const exited = event(server, 'workerExited');
    server.retire(1);
    peer.socket.end();
    expect(await exited).toMatchObject({ reason: 'left', why: 'asked' });
  });

  it('hears its close before its worker leaves', async () => {
    await peer.send('a').until(/a/);
    const messages: unknown[] = [];
    server.on('workerMessage', ({ message }) => messages.push(message));
    const exited = event(server, 'workerExited');
    server.retire(1);
    peer.send('d');
    expect(await exited).toMatchObject({ reason: 'left' });
    expect(messages).toEqual(['heard the close']);
  });
});

describe('accept(stream)', () => {
  it('serves a socket of a server without allowHalfOpen to its last byte', async () => {
    const prefork = await started('raw-echo');
    server = prefork.server;
    const front = createServer({ pauseOnConnect: true }, (socket) => {
      server.accept(socket);
    }).listen(0, '127.0.0.1');
    await once(front, 'listening');
    const peer = new Peer((front.address() as AddressInfo).port);
    peer.socket.end('hello');
    await peer.closed;
    expect(peer.text).toBe('hello');
    front.close();
  });

  it('refuses a stream that is destroyed, in object mode or has an encoding', async () => {
    server = (await started('raw-echo')).server;
    const destroyed = new PassThrough().destroy();
    const encoded = new PassThrough().setEncoding('utf8');
    for (const stream of [destroyed, encoded, new PassThrough({ objectMode: true })]) {
      expect(() => {
        server.accept(stream);
      }).toThrow(expect.objectContaining({ code: 'FORKLESS_BAD_OPTION' }) as Error);
    }
    expect(server.status().connections).toMatchObject({ open: 0, accepted: 0 });
  });

  it('refuses a stream that was accepted already, and serves it once', async () => {
    server = (await started('raw-echo')).server;
    const [client, stream] = duplexPair();
    server.accept(stream);
    expect(() => {
      server.accept(stream);
    }).toThrow(/`stream`.*accepted already/);
    client.end('once');
    expect(Buffer.concat(await client.toArray()).toString()).toBe('once');
    expect(server.status().connections).toMatchObject({ accepted: 1 });
  });
});

describe('the edges of a life', () => {
  it('close() while listen() is under way leaves no port', async () => {
    server = createPrefork({
      worker: handlers('raw-echo'),
      threadHost: 'worker',
      host: '127.0.0.1',
      port: 0,
    });
    const listening = server.listen().catch((error: unknown) => error);
    await server.close({ grace: 0 });
    expect(await listening).toMatchObject({ code: 'FORKLESS_WRONG_STATE' });
    expect(process.getActiveResourcesInfo()).not.toContain('TCPServerWrap');
  });

  it('a connection of the first moment after the port is bound waits and is served', async () => {
    const probe = createServer().listen(0, '127.0.0.1');
    await once(probe, 'listening');
    const { port } = probe.address() as AddressInfo;
    await new Promise((resolve) => probe.close(resolve));
    server = createPrefork({ worker: handlers('commands'), host: '127.0.0.1', port, startWorkers: 1 });
    const listening = server.listen();
    for (let answer = ''; answer === '';) {
      const peer = new Peer(port);
      answer = await peer.until(/welcome/).catch((error: unknown) => {
        // Refused before the port is bound; once accepted, nobody may be cut.
        expect(peer.error?.code).toBe('ECONNREFUSED');
        return error instanceof Error ? '' : 'not an error';
      });
      peer.socket.destroy();
    }
    await listening;
    expect(server.status().connections.drops).toEqual({});
  });

  it('an aborted signal rejects listen() with its reason', async () => {
    const abort = new AbortController();
    server = createPrefork({
      worker: handlers('bare/pending-at-top'),
      port: 0,
      signal: abort.signal,
      threadHost: 'worker',
    });
    const listening = server.listen().catch((error: unknown) => error);
    abort.abort('enough');
    await server.close({ grace: 0 });
    expect(await listening).toMatchObject({ code: 'FORKLESS_ABORTED', cause: 'enough' });
  });

  it('min 0: a connection that waits with no worker gets one, the idle one leaves, reload() of nobody settles', async () => {
    const prefork = await started('commands', {
      startWorkers: 0,
      minWorkers: 0,
      minSpareWorkers: 0,
      maxSpareTime: 150,
    });
    server = prefork.server;
    await server.reload();
    const peer = prefork.peer();
    await peer.until(/welcome 1\r/);
    const exited = event(server, 'workerExited');
    peer.send('quit\n');
    expect(await exited).toMatchObject({ worker: 1, reason: 'left', why: 'idle' });
  });

  it('a second close() hurries the first', async () => {
    const prefork = await started('commands', { graceTime: 60_000 });
    server = prefork.server;
    const peer = prefork.peer();
    await peer.until(/welcome/);
    const closing = server.close();
    await server.close({ grace: 0 });
    await Promise.all([closing, peer.closed]);
    await expect(server.close({ grace: -1 })).rejects.toMatchObject({ code: 'FORKLESS_BAD_OPTION' });
  });

  it('workerHeartbeat can be changed while workers boot', async () => {
    const prefork = await started('commands', { workerExpireTime: 20_000, workerHeartbeat: 10_000 });
    server = prefork.server;
    server.retire(1);
    server.configure({ workerHeartbeat: 100, workerExpireTime: 2_000 });
    const retired: unknown[] = [];
    server.on('workerRetiring', ({ why }) => retired.push(why));
    await event(server, 'workerReady');
    // Each has beaten after it was ready, which by the heartbeat from before none would do in time.
    const hasBeaten = ({ phase, phaseAge, silentFor = Infinity }: WorkerStatus): boolean =>
      phase !== 'ready' || phaseAge - silentFor > 300;
    while (!server.status().workers.every(hasBeaten) && !retired.includes('silent'))
      await new Promise((resolve) => setTimeout(resolve, 20));
    expect(retired.filter((why) => why !== 'asked')).toEqual([]);
  });

  it('shutdown of a worker closes everything; output of 1 MB before a shutdown arrives whole', async () => {
    const prefork = await started('commands');
    server = prefork.server;
    const big = prefork.peer();
    await big.until(/welcome/);
    big.send('big\n');
    await big.closed;
    expect(big.text.length).toBeGreaterThan(1_000_000);
    const closed = event(server, 'closed');
    prefork.peer().send('shutdown\nquit\n');
    expect(await closed).toEqual({ zombies: [] });
    await expect(once(connect(prefork.port, '127.0.0.1'), 'connect')).rejects.toMatchObject({
      code: 'ECONNREFUSED',
    });
  });
});
