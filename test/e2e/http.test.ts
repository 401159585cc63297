import { once } from 'node:events';
import { Agent, request, type IncomingMessage, type RequestOptions } from 'node:http';
import { connect as connectHttp2 } from 'node:http2';
import { type Prefork, type PreforkOptions } from 'forkless';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { TRANSPORTS, type Transport } from '../transports.ts';
import { Peer, started, textOf } from './peers.ts';

let transport: Transport = 'relay';
let server: Prefork;
let port: number;

async function serving(form: string, http: object = {}, options: PreforkOptions = {}): Promise<void> {
  ({ server, port } = await started('http-app', {
    argv: [form, JSON.stringify(http)],
    transport,
    masterHeartbeat: 2_000,
    workerHeartbeat: 500,
    graceTime: 10_000,
    ...options,
  }));
}

afterEach(async () => {
  await server.close({ grace: 2_000 });
});

interface Answer {
  readonly status: number | undefined;
  readonly text: string;
  readonly headers: IncomingMessage['headers'];
}

async function get(path: string, options: RequestOptions = {}, sent?: string | Buffer): Promise<Answer> {
  const call = request({ host: '127.0.0.1', port, path, agent: false, ...options });
  call.end(sent);
  const [response] = (await once(call, 'response')) as [IncomingMessage];
  return { status: response.statusCode, text: await textOf(response), headers: response.headers };
}

const post = (path: string, sent: Buffer): Promise<Answer> => get(path, { method: 'POST' }, sent);

const megabytes = Buffer.alloc(3_000_000, 1);

const FORMS = ['listener', 'server', 'express', 'koa', 'fastify', 'fetch', 'hono'];

describe.each(TRANSPORTS)('by %s', (by) => {
  beforeEach(() => {
    transport = by;
  });

  it.each(FORMS)('an app as %s answers, and takes a body', async (form) => {
    await serving(form);
    expect(await get('/')).toMatchObject({ status: 200, text: 'hello' });
    expect(await post('/post', megabytes)).toMatchObject({ status: 200, text: '3000000 bytes' });
  });

  describe('what an app sees of its client', () => {
    it.each([
      ['listener', '127.0.0.1 false 1.1'],
      ['express', '127.0.0.1 http'],
      ['koa', '127.0.0.1 http'],
      ['fastify', '127.0.0.1 http'],
    ])('%s', async (form, expected) => {
      await serving(form);
      expect((await get('/peer')).text).toBe(expected);
    });

    it('a Fetch handler gets an absolute URL and the headers, and may set several cookies', async () => {
      await serving('fetch');
      expect((await get('/peer', { headers: { 'x-one': '1', host: 'example.org' } })).text).toBe(
        'http://example.org 1',
      );
      const { status, headers } = await get('/cookies');
      expect([status, headers['set-cookie']]).toEqual([204, ['a=1', 'b=2']]);
    });

    it('a Fetch handler gets the path as it stands', async () => {
      await serving('fetch');
      const headers = { host: 'example.org' };
      expect((await get('//peer', { headers })).text).toBe('http://example.org null');
      expect((await get('http://other.org/peer', { headers })).text).toBe('http://other.org null');
    });

    it.each([
      { headers: { host: 'no host' } },
      { path: 'http://user:word@example.org/' },
      { headers: { host: 'example.org' }, method: 'TRACE' },
    ])('what Fetch has no request for is answered with 400: %j', async (options) => {
      await serving('fetch');
      expect((await get('/', options)).status).toBe(400);
      expect((await get('/')).status).toBe(200);
    });

    it('a Fetch handler that throws is answered with 500, and the worker lives on', async () => {
      await serving('fetch');
      expect((await get('/throw')).status).toBe(500);
      expect((await get('/')).text).toBe('hello');
      expect(server.status().exits).toEqual({});
    });
  });

  describe("Node's limits", () => {
    it('headersTimeout answers 408', async () => {
      await serving('listener', {
        headersTimeout: 100,
        requestTimeout: 100,
        connectionsCheckingInterval: 20,
      });
      const peer = new Peer(port).send('GET / HTTP/1.1\r\nHost: x\r\n');
      await peer.closed;
      expect(peer.text).toMatch(/^HTTP\/1\.1 408 /);
    });

    it('requestTimeout answers 408 to a body that does not come', async () => {
      await serving('listener', {
        headersTimeout: 100,
        requestTimeout: 100,
        connectionsCheckingInterval: 20,
      });
      const peer = new Peer(port).send('POST /post HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n123');
      await peer.closed;
      expect(peer.text).toMatch(/^HTTP\/1\.1 408 /);
    });

    it('keepAliveTimeout closes an idle connection', async () => {
      await serving('listener', { keepAliveTimeout: 50 });
      const peer = new Peer(port).send('GET / HTTP/1.1\r\nHost: x\r\n\r\n');
      await peer.closed;
      expect(peer.text).toMatch(/200 OK[^]*Connection: keep-alive[^]*hello\r\n0\r\n\r\n$/);
    });

    it('maxRequestsPerSocket closes with the last request', async () => {
      await serving('listener', { maxRequestsPerSocket: 2 });
      const peer = new Peer(port).send('GET / HTTP/1.1\r\nHost: x\r\n\r\n');
      await peer.until(/hello\r\n0\r\n\r\n$/);
      peer.send('GET / HTTP/1.1\r\nHost: x\r\n\r\n');
      await peer.closed;
      expect(peer.text).toMatch(/hello[^]*Connection: close[^]*hello\r\n0\r\n\r\n$/);
    });
  });

  describe('a worker that is to leave, where connections do not rest,', () => {
    it('finishes a running request, and says Connection: close', async () => {
      await serving('listener', { rest: false }, { startWorkers: 1, minWorkers: 1 });
      const agent = new Agent({ keepAlive: true });
      const slow = get('/slow?ms=1000', { agent });
      const [{ worker }] = (await once(server, 'connection')) as [{ worker: number }];
      // Not by a reload: that waits for a new worker, and the request could be over by then.
      server.retire(worker);
      expect(await slow).toMatchObject({ text: 'slow', headers: { connection: 'close' } });
      agent.destroy();
    });

    it('closes an idle connection after its grace', async () => {
      await serving('listener', { rest: false, idleGrace: 50, keepAliveTimeout: 60_000 });
      const peer = new Peer(port).send('GET / HTTP/1.1\r\nHost: x\r\n\r\n');
      await peer.until(/hello\r\n0\r\n\r\n$/);
      await server.reload();
      await peer.closed;
      expect(peer.error).toBeUndefined();
    });

    it('answers one more request on an idle connection', async () => {
      await serving('listener', { rest: false, idleGrace: 5_000, keepAliveTimeout: 60_000 });
      const peer = new Peer(port).send('GET / HTTP/1.1\r\nHost: x\r\n\r\n');
      await peer.until(/hello\r\n0\r\n\r\n$/);
      await server.reload();
      peer.send('GET / HTTP/1.1\r\nHost: x\r\n\r\n');
      await peer.closed;
      expect(peer.text).toMatch(/hello[^]*Connection: close[^]*hello\r\n0\r\n\r\n$/);
    });
  });

  /** Clients that ask without a pause until told to stop. */
  class Load {
    readonly agent: Agent = new Agent({ keepAlive: true, maxSockets: 16 });
    readonly failures: unknown[] = [];
    answered = 0;
    #stopped = false;
    readonly #clients: Promise<void>[];

    constructor(path: string, keepAlive: boolean) {
      const options = keepAlive ? { agent: this.agent } : { agent: false as const };
      this.#clients = Array.from({ length: 16 }, () => this.#client(path, options));
    }

    async #client(path: string, options: RequestOptions): Promise<void> {
      while (!this.#stopped) {
        try {
          const { status } = await get(path, options);
          if (status === 200) this.answered += 1;
          else this.failures.push(status);
        } catch (error) {
          this.failures.push(error);
        }
      }
    }

    async stop(): Promise<void> {
      this.#stopped = true;
      await Promise.all(this.#clients);
      this.agent.destroy();
    }
  }

  describe('no failed request under load', () => {
    it.each([true, false])('over ten reloads (keep-alive %s)', { timeout: 120_000 }, async (keepAlive) => {
      await serving('listener', {}, { startWorkers: 2, minWorkers: 2, maxWorkers: 6 });
      const load = new Load('/', keepAlive);
      for (let round = 0; round < 10; round += 1) {
        const before = load.answered;
        await server.reload();
        while (load.answered < before + 100) await new Promise(setImmediate);
      }
      await load.stop();
      expect(load.failures).toEqual([]);
      expect(server.status().exits.left).toBeGreaterThan(0);
    });

    it.each([
      ['maxServed', { maxServed: 5, servedJitter: 0 }],
      ['maxLifetime', { maxLifetime: 300 }],
    ])('when workers are retired by %s', { timeout: 120_000 }, async (_name, options) => {
      await serving('listener', { maxRequestsPerSocket: 50 }, { maxWorkers: 6, ...options });
      const load = new Load('/', true);
      let left = 0;
      while (left < 6) {
        await once(server, 'workerExited');
        left += 1;
      }
      await load.stop();
      expect(load.failures).toEqual([]);
    });
  });

  describe('output that its client does not take', () => {
    const overflow = { reason: 'handler-error', error: { message: 'FORKLESS_OUTPUT_OVERFLOW' } };

    it.each(['http2', 'listener'])('ends an HTTP/2 session by the sum of its streams (%s)', async (form) => {
      await serving(form, form === 'listener' ? { http2: true } : {}, { maxOutput: 1_000_000 });
      const session = connectHttp2(`http://127.0.0.1:${port}`);
      session.on('error', () => undefined);
      const closed = once(server, 'connectionClosed');
      const streams = [1, 2, 3, 4].map(() => session.request({ ':path': '/for-ever' }));
      for (const stream of streams) stream.on('error', () => undefined);
      expect(await closed).toMatchObject([overflow]);
      session.destroy();
      expect(server.status().exits).toEqual({});
    });

    it('ends a connection by the responses that wait for their turn', async () => {
      await serving('listener', {}, { maxOutput: 1_000_000 });
      const closed = once(server, 'connectionClosed');
      const get = (path: string): string => `GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`;
      const peer = new Peer(port).send(get('/never') + get('/for-ever'));
      expect(await closed).toMatchObject([overflow]);
      await peer.closed;
      expect(server.status().exits).toEqual({});
    });
  });

  describe('HTTP/2 without TLS', () => {
    async function ask(form: string, http: object): Promise<string> {
      await serving(form, http);
      const session = connectHttp2(`http://127.0.0.1:${port}`);
      const text = await textOf(session.request({ ':path': '/peer' }));
      session.close();
      await once(session, 'close');
      return text;
    }

    it('by a server of its own', async () => {
      expect(await ask('http2', {})).toBe('127.0.0.1 false 2.0');
    });

    it('beside HTTP/1 on the same port', async () => {
      expect(await ask('listener', { http2: true })).toBe('127.0.0.1 false 2.0');
      expect((await get('/peer')).text).toBe('127.0.0.1 false 1.1');
    });

    it('waits for the first bytes no longer than headersTimeout', async () => {
      await serving('listener', { http2: true, headersTimeout: 100 });
      const silent = new Peer(port);
      const started = new Peer(port).send('PRI * HT');
      await Promise.all([silent.closed, started.closed]);
      expect([silent.text, started.text]).toEqual(['', '']);
    });

    it('a connection that has said nothing keeps no worker that is to leave', async () => {
      await serving('listener', { http2: true, idleGrace: 50 });
      const silent = new Peer(port);
      const [{ worker }] = (await once(server, 'connection')) as [{ worker: number }];
      server.retire(worker);
      await silent.closed;
      expect(silent.error).toBeUndefined();
    });

    it('finishes its streams and says GOAWAY when its worker is to leave', async () => {
      await serving('listener', { http2: true });
      const session = connectHttp2(`http://127.0.0.1:${port}`);
      const stream = session.request({ ':path': '/slow?ms=200' });
      // Read from the start: an answer that waits to be read is lost with its session.
      const answer = textOf(stream);
      await once(server, 'connection');
      const ended = once(session, 'close');
      await server.reload();
      expect(await answer).toBe('slow');
      await ended;
    });
  });
});
