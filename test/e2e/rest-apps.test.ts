import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect as connectHttp2 } from 'node:http2';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect as connectTls } from 'node:tls';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { testPrefork } from 'forkless/testing';
import { transfers } from '../transports.ts';
import { duplexPair } from '../worker/session/duplex-pair.ts';
import { certificate, hasOpenssl } from './certificates.ts';
import { getOf, KeepAlive } from './keep-alive.ts';
import { handlers } from './peers.ts';
import { RestRig } from './rest-rig.ts';

let rig: RestRig;

beforeEach(() => {
  rig = new RestRig();
});

afterEach(() => rig.end());

/** All workers are renewed, and the old ones gone. */
async function renew(): Promise<void> {
  const before = rig.server.status().workers.map(({ id }) => rig.exit(id));
  await rig.server.reload();
  await Promise.all(before);
}

describe('what does not rest ends as ever', () => {
  it.each([
    ['rest: false', { rest: false }, {}],
    ['maxRequestsPerSocket', { maxRequestsPerSocket: 100 }, {}],
    ...(transfers ? [['the transfer transport', {}, { transport: 'transfer' as const }] as const] : []),
  ] as const)(
    '%s: a worker that leaves closes it, and one that ends cuts it',
    async (_name, http, options) => {
      await rig.serve({ idleGrace: 50, ...http }, options);
      const [one, other] = [rig.client(), rig.client()];
      await rig.leave((await one.get()).worker);
      await one.closed;
      expect([one.error, one.rest]).toEqual([undefined, '']);
      await rig.kill((await other.get()).worker);
      await other.closed;
    },
  );

  it('an upgraded connection, and a stream of events, are cut with their worker', async () => {
    await rig.serve({}, { startWorkers: 1, minWorkers: 1, maxWorkers: 1 });
    const [upgraded, stream, idle] = [rig.client(), rig.client(), rig.client()];
    const { worker, status } = await upgraded.get('/', 'Connection: Upgrade\r\nUpgrade: echo\r\n');
    expect(status).toBe(101);
    expect(await upgraded.send('hello').until(/hello/)).toBe('hello');
    stream.send(getOf('/stream'));
    await stream.until(/data: 1/);
    await idle.get();
    await rig.kill(worker);
    await Promise.all([upgraded.closed, stream.closed]);
    expect((await idle.get()).body).toBe('hello');
  });

  it('a session of HTTP/2 ends with GOAWAY, and HTTP/1 beside it rests', async () => {
    await rig.serve({ http2: true });
    const one = rig.client();
    await one.get();
    const session = connectHttp2(`http://127.0.0.1:${rig.port}`);
    const stream = session.request({ ':path': '/' });
    stream.resume();
    await once(stream, 'close');
    const ended = once(session, 'close');
    await renew();
    await ended;
    expect((await one.get()).body).toBe('hello');
  });
});

describe.skipIf(!hasOpenssl)('TLS', () => {
  const secure = async (where: 'main' | 'worker'): Promise<KeepAlive> => {
    await rig.serve({ idleGrace: 50 }, { tls: { ...certificate('one.test'), in: where } });
    const socket = connectTls({ port: rig.port, host: '127.0.0.1', rejectUnauthorized: false });
    await once(socket, 'secureConnect');
    return new KeepAlive(socket);
  };

  it('in the main thread: the connection rests', async () => {
    const one = await secure('main');
    const { worker } = await one.get();
    await rig.leave(worker);
    expect((await one.get()).worker).not.toBe(worker);
    one.socket.destroy();
  });

  it('in the worker: it does not', async () => {
    const one = await secure('worker');
    await rig.leave((await one.get()).worker);
    await one.closed;
    expect(one.error).toBeUndefined();
  });
});

describe('a connection that rests', () => {
  it('may have come by a Unix socket', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'forkless-rest-'));
    const path = join(folder, 'socket');
    await rig.serve({}, { path });
    const one = rig.client(path);
    const { worker } = await one.get();
    await rig.leave(worker);
    expect((await one.get()).worker).not.toBe(worker);
    rmSync(folder, { recursive: true });
  });

  it('may be a stream given to accept()', async () => {
    await rig.serve();
    const { peer, socket } = duplexPair();
    rig.server.accept(socket);
    const one = new KeepAlive(peer);
    const { worker } = await one.get();
    await rig.leave(worker);
    expect((await one.get()).worker).not.toBe(worker);
    peer.destroy();
  });

  it('rests at inline workers', async () => {
    const server = testPrefork({ worker: handlers('rests'), startWorkers: 2, maxWorkers: 4 });
    await server.start();
    try {
      const one = new KeepAlive(server.connect());
      const [first] = await Promise.all([one.get(), server.settled()]);
      server.retire(first.worker);
      await server.settled();
      const [second] = await Promise.all([one.get(), server.settled()]);
      expect([second.body, second.worker === first.worker]).toEqual(['hello', false]);
      one.socket.destroy();
    } finally {
      await server.end();
    }
    await rig.serve();
  });

  it.each(['listener', 'server', 'express', 'koa', 'fastify', 'fetch', 'hono'])(
    'may be served by an app as %s, before and after its worker',
    async (form) => {
      await rig.serve({}, { argv: [form] }, 'http-app');
      const one = rig.client();
      for (let round = 0; round < 3; round += 1) {
        const { status, body, head } = await one.get();
        expect(status).toBe(200);
        expect(body).toMatch(/hello/);
        expect(head).not.toMatch(/connection: close/i);
        one.send('POST /post HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc');
        expect((await one.answer()).body).toMatch(/3 bytes/);
        await renew();
      }
      expect(rig.server.status().connections).toMatchObject({ accepted: 1, served: 1, open: 1 });
    },
  );
});

describe('an app that holds the socket', () => {
  it('may write to it after its answer: the client gets it, and rests behind its next answer', async () => {
    await rig.serve();
    const one = rig.client();
    const { worker } = await one.get('/writes');
    expect(await one.until(/more of it/)).toBe('more of it');
    await one.get();
    await rig.leave(worker);
    expect((await one.get()).body).toBe('hello');
  });

  it('writes nothing that the client sees once another worker has the connection', async () => {
    await rig.serve();
    const one = rig.client();
    const { worker } = await one.get('/writes');
    const left = rig.leave(worker);
    // Its timer is a matter of milliseconds: by then the connection is elsewhere, or here and the write goes before.
    const { body } = await one.send(getOf('/')).answer();
    await left;
    expect([body, (await one.get()).body]).toEqual(['hello', 'hello']);
  });

  it('is told that it has closed, and of no error, when the connection goes elsewhere', async () => {
    await rig.serve();
    const one = rig.client();
    const said: unknown[] = [];
    rig.server.on('workerMessage', ({ message }) => said.push(message));
    const { worker } = await one.get('/listens');
    await rig.leave(worker);
    expect(said).toEqual(['close of a socket']);
    expect((await one.get()).worker).not.toBe(worker);
  });

  it.each(['/close-idle', '/close-all'])(
    'that asks for %s closes the connections of its worker',
    async (path) => {
      await rig.serve();
      const all = await rig.resting(6);
      const [first] = all.keys();
      const worker = all.get(first!);
      await first!.get(path);
      for (const [one, by] of all)
        if (by === worker) await one.closed;
        else expect((await one.get()).body).toBe('hello');
      expect(rig.server.status().exits).toEqual({});
    },
  );

  it('without keepAliveTimeout keeps its idle clients, over a change of worker too', async () => {
    await rig.serve({ keepAliveTimeout: 0 });
    const one = rig.client();
    for (let round = 0; round < 3; round += 1) {
      expect((await one.get()).body).toBe('hello');
      await renew();
    }
  });
});
