import { once } from 'node:events';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { connect as connectHttp2 } from 'node:http2';
import { request } from 'node:https';
import { BlockList, connect as connectTcp } from 'node:net';
import { tmpdir } from 'node:os';
import { Duplex } from 'node:stream';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { connect, type ConnectionOptions, type TLSSocket } from 'node:tls';
import { type Prefork, type PreforkOptions } from 'forkless';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { TRANSPORTS, type Transport } from '../transports.ts';
import { certificate, hasOpenssl, signed } from './certificates.ts';
import { event, Peer, started, textOf } from './peers.ts';

let server: Prefork | undefined;
let port: number;
let transport: Transport = 'relay';

async function serving(
  tls: NonNullable<PreforkOptions['tls']>,
  handlers = 'tls-echo',
  argv: string[] = [],
  options: PreforkOptions = {},
): Promise<void> {
  ({ server, port } = await started(handlers, {
    tls,
    transport,
    argv,
    startWorkers: 1,
    maxWorkers: 4,
    masterHeartbeat: 2_000,
    workerHeartbeat: 500,
    allowHalfOpen: true,
    ...options,
  }));
}

/** What the app answers to `/peer` by HTTPS, on a connection of its own. */
async function askPeer(): Promise<string> {
  const options = { host: '127.0.0.1', port, path: '/peer', agent: false, rejectUnauthorized: false };
  const call = request(options).end();
  const [response] = (await once(call, 'response')) as [AsyncIterable<Buffer>];
  return textOf(response);
}

afterEach(async () => {
  await server?.close({ grace: 1_000 });
  server = undefined;
  transport = 'relay';
});

class SecurePeer {
  readonly socket: TLSSocket;
  text = '';

  constructor(options: ConnectionOptions = {}) {
    this.socket = connect({ port, host: '127.0.0.1', rejectUnauthorized: false, ...options });
    this.socket.on('data', (chunk: Buffer) => (this.text += chunk.toString()));
    this.socket.on('error', () => undefined);
  }

  async until(pattern: RegExp): Promise<string> {
    while (!pattern.test(this.text)) {
      if (this.socket.destroyed) throw new Error(`closed before ${String(pattern)}: ${this.text}`);
      await Promise.race([once(this.socket, 'data'), once(this.socket, 'close')]);
    }
    return this.text;
  }

  /** What the handler saw of this connection. */
  async seen(): Promise<unknown> {
    return JSON.parse(await this.until(/\n/));
  }

  get certificateOf(): string {
    return String(this.socket.getPeerCertificate().subject.CN);
  }
}

describe.skipIf(!hasOpenssl)('who is refused', () => {
  it('gets no handshake in the main thread, but a reason', async () => {
    await serving({ ...certificate('one.test'), in: 'main' });
    const blockList = new BlockList();
    blockList.addAddress('127.0.0.1');
    server?.configure({ blockList });
    const drops: unknown[] = [];
    server?.on('drop', (drop) => drops.push(drop));
    const { socket } = new SecurePeer();
    await expect(once(socket, 'secureConnect')).rejects.toThrow(/before secure TLS connection/);
    expect(drops).toMatchObject([{ reason: 'blocked', connection: { remoteAddress: '127.0.0.1' } }]);
  });
});

describe.skipIf(!hasOpenssl)('a handshake in the main thread', () => {
  it('counts as an open connection, also of its address, and is refused with a reason when it fails', async () => {
    await serving({ ...certificate('one.test'), in: 'main' });
    server!.configure({ maxConnectionsPerAddress: 2 });
    const drops: { reason: string; error: unknown }[] = [];
    server!.on('drop', (drop) => drops.push(drop));
    const silent = [new Peer(port), new Peer(port)];
    while (server!.status().connections.open < 2) await new Promise(setImmediate);
    const third = new Peer(port);
    await third.closed;
    expect(drops).toMatchObject([{ reason: 'max-per-address' }]);
    silent[0]!.send('GET / HTTP/1.1\r\n\r\n');
    await silent[0]!.closed;
    expect(drops[1]).toMatchObject({
      reason: 'handshake-failed',
      error: { code: 'ERR_SSL_HTTP_REQUEST' },
    });
    const peer = new SecurePeer();
    await peer.seen();
    expect(server!.status().connections).toMatchObject({ open: 2, accepted: 4, served: 1 });
    peer.socket.destroy();
    const closed = server!.close({ grace: 0 });
    await silent[1]!.closed;
    await closed;
    expect(drops[2]).toMatchObject({ reason: 'closing' });
    expect(server!.status().connections).toMatchObject({ open: 0 });
  });
});

const PLACES = TRANSPORTS.flatMap((by) => (['worker', 'main'] as const).map((where) => [where, by] as const));

describe.skipIf(!hasOpenssl).each(PLACES)('TLS that ends in the %s, by %s', (where, by) => {
  beforeEach(() => {
    transport = by;
  });

  it('carries bytes both ways, and shows the addresses', async () => {
    await serving({ ...certificate('one.test'), in: where });
    const peer = new SecurePeer();
    expect(await peer.seen()).toMatchObject({ remoteAddress: '127.0.0.1', localPort: 'number' });
    const sent = 'x'.repeat(1_000_000);
    peer.socket.end(sent);
    await once(peer.socket, 'close');
    expect(peer.text.length - peer.text.indexOf('\n') - 1).toBe(sent.length);
  });

  it('shows another certificate by SNI, and agrees on a protocol', async () => {
    await serving({
      ...certificate('one.test'),
      contexts: { '*.two.test': certificate('a.two.test') },
      ALPNProtocols: ['mine/1', 'mine/0'],
      in: where,
    });
    const one = new SecurePeer({ ALPNProtocols: ['mine/0'] });
    await one.seen();
    const two = new SecurePeer({ servername: 'a.two.test' });
    await two.seen();
    expect([one.certificateOf, two.certificateOf]).toEqual(['one.test', 'a.two.test']);
    expect(one.socket.alpnProtocol).toBe('mine/0');
    one.socket.destroy();
    two.socket.destroy();
  });

  it('shows the handler all of it', async () => {
    const client = certificate('client.test');
    await serving({
      ...certificate('one.test'),
      ca: client.cert,
      requestCert: true,
      ALPNProtocols: ['mine/1'],
      in: where,
    });
    const peer = new SecurePeer({ ...client, servername: 'one.test', ALPNProtocols: ['mine/1'] });
    expect(await peer.seen()).toEqual({
      remoteAddress: '127.0.0.1',
      localPort: 'number',
      encrypted: true,
      protocol: 'TLSv1.3',
      alpn: 'mine/1',
      servername: 'one.test',
      authorized: true,
      client: 'client.test',
    });
    peer.socket.destroy();
  });

  it('shows that a client is not trusted, where it is let in all the same', async () => {
    await serving({ ...certificate('one.test'), requestCert: true, rejectUnauthorized: false, in: where });
    const peer = new SecurePeer(certificate('stranger.test'));
    expect(await peer.seen()).toMatchObject({ encrypted: true, authorized: false, client: 'stranger.test' });
    const nobody = new SecurePeer();
    const seen = await nobody.seen();
    expect(seen).toMatchObject({ encrypted: true, authorized: false });
    expect(seen).not.toHaveProperty('client');
    for (const each of [peer, nobody]) each.socket.destroy();
  });

  it.each(['listener', 'express', 'koa', 'fastify', 'fetch'])(
    'serves HTTPS, and %s knows it',
    async (form) => {
      await serving({ ...certificate('one.test'), in: where }, 'http-app', [form, '{}']);
      expect(await askPeer()).toMatch(/https|true/);
    },
  );

  it.each(['http2', 'listener'])('serves HTTP/2 by ALPN (%s)', async (form) => {
    const http = form === 'listener' ? '{"http2":true}' : '{}';
    const ALPNProtocols = form === 'listener' ? ['h2', 'http/1.1'] : ['h2'];
    await serving({ ...certificate('one.test'), ALPNProtocols, in: where }, 'http-app', [form, http]);
    const session = connectHttp2(`https://127.0.0.1:${port}`, { rejectUnauthorized: false });
    const text = await textOf(session.request({ ':path': '/peer' }));
    expect([session.alpnProtocol, text]).toEqual(['h2', '127.0.0.1 true 2.0']);
    const large = session.request({ ':path': '/post', ':method': 'POST' });
    large.end(Buffer.alloc(1_000_000));
    expect(await textOf(large)).toBe('1000000 bytes');
    session.close();
    await once(session, 'close');
  });

  it('serves HTTP/1 beside HTTP/2', async () => {
    const tls = { ...certificate('one.test'), ALPNProtocols: ['h2', 'http/1.1'], in: where };
    await serving(tls, 'http-app', ['listener', '{"http2":true}']);
    expect(await askPeer()).toBe('127.0.0.1 true 1.1');
  });

  it('ends an HTTP/2 session whose client does not take what its streams bring', async () => {
    const tls = { ...certificate('one.test'), ALPNProtocols: ['h2'], in: where };
    await serving(tls, 'http-app', ['http2', '{}'], { maxOutput: 1_000_000 });
    const session = connectHttp2(`https://127.0.0.1:${port}`, { rejectUnauthorized: false });
    session.on('error', () => undefined);
    const closed = event(server!, 'connectionClosed');
    for (let at = 0; at < 4; at += 1) session.request({ ':path': '/for-ever' }).on('error', () => undefined);
    expect(await closed).toMatchObject({
      reason: 'handler-error',
      error: { message: 'FORKLESS_OUTPUT_OVERFLOW' },
    });
    session.destroy();
    expect(server!.status().exits).toEqual({});
  });

  it('lets HTTP/2 finish what it has begun when its worker is to leave', async () => {
    const tls = { ...certificate('one.test'), ALPNProtocols: ['h2'], in: where };
    await serving(tls, 'http-app', ['http2', '{}']);
    const session = connectHttp2(`https://127.0.0.1:${port}`, { rejectUnauthorized: false });
    const stream = session.request({ ':path': '/slow?ms=200' });
    // Read from the start: an answer that waits to be read is lost with its session.
    const answer = textOf(stream);
    await once(server!, 'connection');
    const ended = once(session, 'close');
    await server!.reload();
    expect(await answer).toBe('slow');
    await ended;
  });

  it('asks for a client certificate, and refuses a stranger', async () => {
    const client = certificate('client.test');
    await serving({ ...certificate('one.test'), ca: client.cert, requestCert: true, in: where });
    const known = new SecurePeer(client);
    await known.seen();
    const stranger = new SecurePeer(certificate('stranger.test'));
    await once(stranger.socket, 'close');
    expect(stranger.text).toBe('');
    known.socket.destroy();
  });

  it('lets its worker leave also when nobody listens to the close of a raw socket any more', async () => {
    await serving({ ...certificate('one.test'), in: where }, 'odd-calls');
    const peer = new SecurePeer();
    peer.socket.write('f');
    await peer.until(/forgotten/);
    const exited = event(server!, 'workerExited');
    server!.retire(1);
    peer.socket.end();
    expect(await exited).toMatchObject({ reason: 'left', why: 'asked' });
  });

  it('survives what is not TLS', async () => {
    await serving({ ...certificate('one.test'), in: where });
    const odd = new Peer(port).send('GET / HTTP/1.1\r\n\r\n');
    await odd.closed;
    const peer = new SecurePeer();
    await peer.seen();
    peer.socket.destroy();
  });

  describe('a peer that leaves within its handshake is gone at once', () => {
    const reported = where === 'worker' ? 'connectionClosed' : 'drop';

    it.each([
      ['says nothing', ''],
      ['has said half of its hello', '16030100f8010000f40303'],
    ])('when it %s', async (_, hello) => {
      await serving({ ...certificate('one.test'), in: where });
      const peer = new Peer(port);
      await once(peer.socket, 'connect');
      const left = event(server!, reported);
      peer.socket.end(Buffer.from(hello, 'hex'));
      // Neither is a failure of anybody.
      expect(await left).toMatchObject({ reason: where === 'worker' ? 'ended' : 'gone', error: undefined });
      await peer.closed;
      expect(server!.status().connections).toMatchObject({ open: 0 });
    });

    it('when it resets the connection', async () => {
      await serving({ ...certificate('one.test'), in: where });
      const plain = connectTcp(port, '127.0.0.1');
      // Its hello is sent, and what is answered to it does not come.
      const between = new Duplex({
        read: () => undefined,
        write: (chunk: Buffer, _, done) => plain.write(chunk, done),
      });
      const peer = new SecurePeer({ socket: between });
      await once(plain, 'data');
      const left = event(server!, reported);
      plain.resetAndDestroy();
      const failure = await left;
      if (where === 'main')
        expect(failure).toMatchObject({ reason: 'handshake-failed', error: { code: 'ECONNRESET' } });
      else if (by === 'relay')
        expect(failure).toMatchObject({ reason: 'peer-error', error: { message: 'ECONNRESET' } });
      // Here Node has closed the socket before it tells why.
      else expect(failure).toMatchObject({ reason: 'ended' });
      peer.socket.destroy();
      expect(server!.status().connections).toMatchObject({ open: 0 });
    });

    it('and when it ends without a word after it', async () => {
      await serving({ ...certificate('one.test'), in: where });
      const plain = connectTcp(port, '127.0.0.1');
      const peer = new SecurePeer({ socket: plain });
      await peer.seen();
      const left = event(server!, 'connectionClosed');
      // TCP ends, and TLS has not said that it will.
      plain.end();
      expect(await left).toMatchObject({ reason: 'ended', error: undefined });
    });
  });

  it('gives a handshake up that takes too long', async () => {
    await serving({ ...certificate('one.test'), handshakeTimeout: 100, in: where });
    const peer = new Peer(port);
    await peer.closed;
    expect(peer.text).toBe('');
  });

  it('changes the certificate at reload() without dropping a connection', async () => {
    await serving({ ...certificate('old.test'), in: where });
    const before = new SecurePeer();
    await before.seen();
    server!.configure({ tls: { ...certificate('new.test'), in: where } });
    await server!.reload();
    const after = new SecurePeer();
    await after.seen();
    expect([before.certificateOf, after.certificateOf]).toEqual(['old.test', 'new.test']);
    before.socket.write('still');
    await before.until(/still$/);
    before.socket.destroy();
    after.socket.destroy();
  });

  it('reads files anew at reload(), and keeps the old ones where the new are bad', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'forkless-tls-'));
    const write = ({ key, cert }: { key: string; cert: string }): void => {
      writeFileSync(join(folder, 'key.pem'), key);
      writeFileSync(join(folder, 'cert.pem'), cert);
    };
    const url = (name: string): URL => pathToFileURL(join(folder, name));
    const shown = async (): Promise<string> => {
      const peer = new SecurePeer();
      await peer.seen();
      const name = peer.certificateOf;
      peer.socket.destroy();
      return name;
    };
    write(certificate('old.test'));
    await serving({ key: url('key.pem'), cert: url('cert.pem'), in: where });
    const before = new SecurePeer();
    await before.seen();
    write(certificate('new.test'));
    await server!.reload();
    expect(await shown()).toBe('new.test');
    write({ key: 'no key', cert: 'no certificate' });
    await expect(server!.reload()).rejects.toMatchObject({ code: 'FORKLESS_RELOAD_FAILED' });
    expect(await shown()).toBe('new.test');
    before.socket.write('still');
    await before.until(/still$/);
    before.socket.destroy();
  });
});

type Answers = Readonly<Record<string, unknown>>;

describe.skipIf(!hasOpenssl).each(['TLSv1.2', 'TLSv1.3'] as const)('what a socket tells of %s', (version) => {
  async function answers(where: 'worker' | 'main', client: object): Promise<[Answers, SecurePeer]> {
    const authority = signed('authority.test');
    await serving(
      { ...ours, ca: authority.cert, requestCert: true, rejectUnauthorized: false, in: where },
      'tls-asks',
    );
    const peer = new SecurePeer({
      ...client,
      servername: 'one.test',
      minVersion: version,
      maxVersion: version,
    });
    return [(await peer.seen()) as Answers, peer];
  }

  const ours = hasOpenssl ? certificate('one.test') : { key: '', cert: '' };

  const hex = (bytes: Buffer | undefined): string | undefined => bytes?.toString('hex');

  it.each(['nobody', 'client'])('is the same wherever it ends (%s)', async (who) => {
    const client = who === 'client' ? signed('client.test') : {};
    const [inWorker, one] = await answers('worker', client);
    one.socket.destroy();
    await server!.close({ grace: 0 });
    const [inMain, peer] = await answers('main', client);
    expect(inMain['fixed']).toEqual(inWorker['fixed']);
    const { socket } = peer;
    const label = 'EXPORTER-Channel-Binding';
    // Of this connection alone: what its other side knows.
    expect(inMain['own']).toEqual({
      finished: hex(socket.getPeerFinished()),
      peerFinished: hex(socket.getFinished()),
      exported16: hex(socket.exportKeyingMaterial(16, label, undefined as never)),
      exported32: hex(socket.exportKeyingMaterial(32, label, undefined as never)),
    });
    expect([inWorker['others'], inMain['others']]).toEqual([
      ['a value', 'a value'],
      ['FORKLESS_TLS_IN_MAIN', 'FORKLESS_TLS_IN_MAIN'],
    ]);
    socket.destroy();
  });

  it('ends the chain of a client where its issuers take too much', async () => {
    const [{ fixed }, peer] = await answers('main', signed('client.test', 70_000));
    expect(fixed).toMatchObject({ subjects: ['client.test'] });
    peer.socket.destroy();
  });
});

describe.skipIf(!hasOpenssl)('TLS in a worker', () => {
  it('tells what its handler has destroyed the connection with', async () => {
    await serving({ ...certificate('one.test') }, 'tls-asks');
    const closed = event(server!, 'connectionClosed');
    const peer = new SecurePeer();
    await peer.seen();
    peer.socket.write('fail');
    expect(await closed).toMatchObject({ reason: 'handler-error', error: { message: 'EMINE' } });
  });

  it('tells the reason of a handshake that failed', async () => {
    await serving({ ...certificate('one.test') });
    const closed = event(server!, 'connectionClosed');
    new Peer(port).send('GET / HTTP/1.1\r\n\r\n');
    expect(await closed).toMatchObject({
      reason: 'handler-error',
      error: { message: 'ERR_SSL_HTTP_REQUEST' },
    });
  });

  it('a key that does not fit fails the boot', async () => {
    const { key } = certificate('a.test');
    const { cert } = certificate('b.test');
    await expect(serving({ key, cert })).rejects.toMatchObject({ code: 'FORKLESS_BOOT_FAILED' });
  });
});
