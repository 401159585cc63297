import { once } from 'node:events';
import { Agent, get, type IncomingMessage } from 'node:http';
import { PassThrough } from 'node:stream';
import { type Prefork, type PreforkOptions } from 'forkless';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { TRANSPORTS, type Transport } from '../transports.ts';
import { certificate, hasOpenssl } from './certificates.ts';
import { event, Peer, started, textOf } from './peers.ts';

let transport: Transport = 'relay';
let server: Prefork;
let port: number;
let told: unknown[];

async function serving(
  kind: string,
  given: object = {},
  how: object = {},
  options: PreforkOptions = {},
): Promise<void> {
  ({ server, port } = await started('given-server', {
    argv: [kind, JSON.stringify(given), JSON.stringify(how)],
    transport,
    startWorkers: 1,
    maxWorkers: 1,
    masterHeartbeat: 2_000,
    workerHeartbeat: 500,
    ...options,
  }));
  told = [];
  server.on('workerMessage', ({ message }) => told.push(message));
}

afterEach(async () => {
  await server.close({ grace: 1_000 });
});

async function ask(path: string, agent: Agent | false = false): Promise<unknown> {
  const [response] = (await once(get({ host: '127.0.0.1', port, path, agent }), 'response')) as [
    IncomingMessage,
  ];
  return JSON.parse(await textOf(response));
}

const heard = async (wanted: unknown): Promise<void> => {
  while (!told.some((each) => JSON.stringify(each) === JSON.stringify(wanted)))
    await once(server, 'workerMessage');
};

describe.each(TRANSPORTS)('a server that is given, by %s', (by) => {
  beforeEach(() => {
    transport = by;
  });

  it('says that it listens, where, and is the server of its sockets', async () => {
    await serving('http');
    expect(await ask('/listening')).toEqual({ listening: true, address: server.address(), mine: true });
  });

  it('counts no longer a connection that was upgraded and has ended, also where its listeners were taken off', async () => {
    await serving('http', { maxConnections: 2 });
    for (let count = 0; count < 5; count += 1) {
      const peer = new Peer(port);
      peer.send('GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: any\r\n\r\n');
      await peer.until(/ 101 /);
      peer.socket.end();
      await peer.closed;
    }
    await expect.poll(() => ask('/count')).toBe(1);
  });

  it('counts its connections', async () => {
    await serving('http');
    const agent = new Agent({ keepAlive: true });
    await ask('/', agent);
    const others = [new Peer(port), new Peer(port)];
    while (server.status().connections.served < 3) await once(server, 'connection');
    expect(await ask('/count', agent)).toBe(3);
    for (const each of others) each.socket.destroy();
    await event(server, 'connectionClosed');
    await event(server, 'connectionClosed');
    expect(await ask('/count', agent)).toBe(1);
    agent.destroy();
  });

  it('gets no more than its maxConnections: the next ones wait, or go to another worker', async () => {
    await serving('http', { maxConnections: 2 });
    const agent = new Agent({ keepAlive: true });
    await ask('/', agent);
    const peers = Array.from({ length: 4 }, () => new Peer(port).send('GET / HTTP/1.1\r\nHost: x\r\n\r\n'));
    while (server.status().connections.waiting < 3) await new Promise(setImmediate);
    expect(server.status().workers).toMatchObject([{ open: 2 }]);
    expect(await ask('/limit?most=10', agent)).toBe(10);
    await Promise.all(peers.map((peer) => peer.until(/hello/)));
    for (const { socket } of peers) socket.destroy();
    expect(told).toEqual([]);
    agent.destroy();
  });

  it('drops what is beyond the limit where it is told to', async () => {
    await serving('http', { maxConnections: 1, dropMaxConnection: true });
    const agent = new Agent({ keepAlive: true });
    await ask('/', agent);
    const beyond = new Peer(port);
    await beyond.closed;
    await heard({ drop: '127.0.0.1' });
    expect(await ask('/count', agent)).toBe(1);
    agent.destroy();
  });

  describe('close(callback)', () => {
    it('lets the worker leave, and calls back when its connections have ended', async () => {
      await serving('http', {}, {}, { maxWorkers: 2 });
      const slow = ask('/slow');
      await once(server, 'connection');
      const exited = event(server, 'workerExited');
      expect(await ask('/close')).toBe('closing');
      expect(await slow).toBe('slow');
      await heard({ closed: 'in order' });
      expect(await exited).toMatchObject({ reason: 'left', why: 'asked' });
      expect(told.filter((each) => each === 'close')).toHaveLength(1);
      expect(await ask('/')).toBe('hello');
    });

    it('may come late, when a library has seen all connections end', async () => {
      await serving('http', {}, { closes: true });
      const slow = ask('/slow');
      await once(server, 'connection');
      await server.reload();
      expect(await slow).toBe('slow');
      await heard({ terminated: 'in order' });
    });
  });

  it('closeIdleConnections() and closeAllConnections() find them', async () => {
    await serving('http');
    const agent = new Agent({ keepAlive: true });
    await ask('/', agent);
    const idle = event(server, 'connectionClosed');
    expect(await ask('/close-idle')).toBe('closed');
    expect(await idle).toMatchObject({ reason: 'ended' });
    const all = new Peer(port).send('GET /close-all HTTP/1.1\r\nHost: x\r\n\r\n');
    await all.closed;
    expect(all.text).toBe('');
    agent.destroy();
  });

  it('of HTTP/2 counts and closes too', async () => {
    const { connect } = await import('node:http2');
    await serving('http2');
    const session = connect(`http://127.0.0.1:${port}`);
    const fetch = async (path: string): Promise<unknown> =>
      JSON.parse(await textOf(session.request({ ':path': path })));
    expect(await fetch('/count')).toBe(1);
    expect(await fetch('/close')).toBe('closing');
    await once(session, 'close');
    await heard({ closed: 'in order' });
  });
});

describe('keepAlive and noDelay of a server that is given', () => {
  it('reach the connection', async () => {
    transport = 'relay';
    await serving('http', { keepAlive: true, keepAliveInitialDelay: 7_000, noDelay: false });
    const calls: unknown[] = [];
    const answered = new PassThrough();
    // A stream as one accepted elsewhere.
    const { Duplex } = await import('node:stream');
    const stream = Object.assign(
      new Duplex({
        read: () => undefined,
        write: (chunk: Buffer, _, done) => answered.write(chunk, done),
      }),
      {
        setKeepAlive: (...given: unknown[]) => calls.push(['keepAlive', ...given]),
        setNoDelay: (...given: unknown[]) => calls.push(['noDelay', ...given]),
      },
    );
    server.accept(stream);
    stream.push('GET / HTTP/1.1\r\nHost: x\r\n\r\n');
    await once(answered, 'data');
    expect(calls).toEqual([
      ['noDelay', true],
      ['noDelay', false],
      ['keepAlive', true, 7_000],
    ]);
    stream.destroy();
  });
});

describe.skipIf(!hasOpenssl).each(TRANSPORTS)('a peer that leaves a server of its own TLS, by %s', (by) => {
  it.each(['https', 'http2s'])('%s keeps nothing of it', async (kind) => {
    transport = by;
    await serving(kind, certificate('one.test'));
    const closed: Promise<unknown>[] = [];
    for (const hello of ['', '16030100f8010000f40303']) {
      const peer = new Peer(port);
      await once(peer.socket, 'connect');
      closed.push(event(server, 'connectionClosed'));
      peer.socket.end(Buffer.from(hello, 'hex'));
      await closed.at(-1);
    }
    expect(server.status().connections).toMatchObject({ open: 0, accepted: 2 });
  });
});
