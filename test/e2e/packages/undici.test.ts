import { Readable } from 'node:stream';
import { type Prefork } from 'forkless';
import { Agent, Client, fetch, Pool, request } from 'undici';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { certificate, hasOpenssl } from '../certificates.ts';
import { started, textOf } from '../peers.ts';
import { TRANSPORTS, type Transport } from '../../transports.ts';

let transport: Transport = 'relay';
let server: Prefork;
let port: number;

async function serving(form: string, options: object = {}): Promise<void> {
  ({ server, port } = await started('http-app', {
    argv: [form, '{}'],
    transport,
    masterHeartbeat: 2_000,
    workerHeartbeat: 500,
    maxWorkers: 6,
    ...options,
  }));
}

afterEach(async () => {
  await server.close({ grace: 2_000 });
});

describe.each(TRANSPORTS)('by %s', (by) => {
  beforeEach(() => {
    transport = by;
  });

  it.each(['listener', 'express', 'koa', 'fastify', 'hono'])(
    'undici: %s answers requests and takes a stream',
    async (form) => {
      await serving(form);
      const origin = `http://127.0.0.1:${port}`;
      const client = new Client(origin);
      const { statusCode, body } = await client.request({ path: '/', method: 'GET' });
      expect([statusCode, await body.text()]).toEqual([200, 'hello']);
      const chunks = Array.from({ length: 50 }, () => Buffer.alloc(20_000, 1));
      const posted = await client.request({ path: '/post', method: 'POST', body: Readable.from(chunks) });
      expect(await posted.body.text()).toBe('1000000 bytes');
      await client.close();
    },
  );

  it('undici: 2000 pipelined requests on four connections, each answered in order', async () => {
    await serving('listener');
    const pool = new Pool(`http://127.0.0.1:${port}`, { connections: 4, pipelining: 16 });
    const answers = await Promise.all(
      Array.from({ length: 2_000 }, async () => {
        const { statusCode, body } = await pool.request({ path: '/', method: 'GET' });
        return `${statusCode} ${await body.text()}`;
      }),
    );
    expect(new Set(answers)).toEqual(new Set(['200 hello']));
    await pool.close();
  });

  it('undici: no request of a pool fails over ten reloads', { timeout: 120_000 }, async () => {
    await serving('listener');
    const pool = new Pool(`http://127.0.0.1:${port}`, { connections: 8 });
    const failures: unknown[] = [];
    const load = { on: true, answered: 0 };
    const clients = Array.from({ length: 8 }, async () => {
      while (load.on) {
        try {
          const { body } = await pool.request({ path: '/', method: 'GET' });
          if ((await body.text()) === 'hello') load.answered += 1;
          else failures.push('another text');
        } catch (error) {
          failures.push(error);
        }
      }
    });
    for (let round = 0; round < 10; round += 1) {
      const before = load.answered;
      await server.reload();
      while (load.answered < before + 50) await new Promise(setImmediate);
    }
    load.on = false;
    await Promise.all(clients);
    expect(failures).toEqual([]);
    await pool.close();
  });

  it('undici: fetch gets a streamed body', async () => {
    await serving('listener');
    const dispatcher = new Agent();
    const response = await fetch(`http://127.0.0.1:${port}/stream`, { dispatcher });
    expect(await response.text()).toBe('first last');
    await dispatcher.close();
  });

  it.skipIf(!hasOpenssl)('undici: HTTP/2 over TLS', async () => {
    await serving('http2', { tls: { ...certificate('one.test'), ALPNProtocols: ['h2'] } });
    const dispatcher = new Agent({ allowH2: true, connect: { rejectUnauthorized: false } });
    const { body } = await request(`https://127.0.0.1:${port}/peer`, { dispatcher });
    expect(await textOf(body)).toBe('127.0.0.1 true 2.0');
    await dispatcher.close();
  });
});
