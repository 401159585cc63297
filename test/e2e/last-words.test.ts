import { once } from 'node:events';
import { connect as connectPlain, type Socket } from 'node:net';
import { connect as connectSecure } from 'node:tls';
import { createPrefork, type Prefork } from 'forkless';
import { afterEach, describe, expect, it } from 'vitest';
import { TRANSPORTS } from '../transports.ts';
import { certificate, hasOpenssl } from './certificates.ts';
import { handlers } from './peers.ts';

const WAYS_IN = TRANSPORTS.flatMap((transport) => [
  { transport, secure: false, way: transport },
  ...(hasOpenssl ? [{ transport, secure: true, way: `${transport} with TLS` }] : []),
]);
type WayIn = (typeof WAYS_IN)[number];

let server: Prefork | undefined;
let secured = false;
let bulk: Socket[] = [];

afterEach(async () => {
  for (const socket of bulk) socket.destroy();
  bulk = [];
  await server?.close({ grace: 0 });
  server = undefined;
});

const NEIGHBOURS = 12;

const connect = (port: number): Socket => {
  const options = { port, host: '127.0.0.1', allowHalfOpen: true };
  return secured ? connectSecure({ ...options, rejectUnauthorized: false }) : connectPlain(options);
};
const connected = (): string => (secured ? 'secureConnect' : 'connect');

/** Connections of the same worker that write and read as much as they can. */
async function busy(port: number): Promise<void> {
  const block = Buffer.alloc(65_536, 'B');
  bulk = Array.from({ length: NEIGHBOURS }, () => {
    const socket = connect(port);
    const write = (): void => {
      while (socket.writable && socket.write(block));
    };
    return socket
      .on('error', () => undefined)
      .on(connected(), write)
      .on('drain', write)
      .resume();
  });
  await Promise.all(bulk.map((socket) => once(socket, 'data')));
}

async function start({ transport, secure }: WayIn): Promise<number> {
  secured = secure;
  server = createPrefork({
    worker: handlers('last-words'),
    port: 0,
    host: '127.0.0.1',
    startWorkers: 1,
    maxWorkers: 1,
    allowHalfOpen: true,
    minUptime: 1,
    bootRetryDelay: 1,
    transport,
    ...(secure && { tls: certificate('localhost') }),
  });
  const { port } = (await server.listen()) as { port: number };
  await busy(port);
  return port;
}

/** All that a client gets that says so. */
async function heard(port: number, ...says: string[]): Promise<string> {
  const socket = connect(port);
  let all = '';
  socket.on('data', (chunk: Buffer) => (all += String(chunk)));
  socket.on('error', (error) => (all += ` ${error.message}`));
  await once(socket, connected());
  for (const [at, part] of says.entries()) {
    if (at > 0) await once(socket, 'data');
    socket.write(part);
  }
  if (says[0] === 'iterate') socket.end();
  await once(socket, 'end').catch(() => undefined);
  socket.destroy();
  return all;
}

describe.each(WAYS_IN)('beside busy neighbours, by $way', (wayIn) => {
  it('bytes that write() has taken reach the peer when the handler closes', async () => {
    const port = await start(wayIn);
    const ways = ['destroy', 'fail', 'end'];
    const got = await Promise.all(
      Array.from({ length: 30 }, (_, at) => heard(port, ways[at % ways.length] ?? '')),
    );
    expect(new Set(got)).toEqual(new Set(ways.map((way) => `bye by ${way}`)));
  });

  it('a tail that is written at the peer’s end arrives, though the iterator destroys the socket', async () => {
    const port = await start(wayIn);
    const got = await Promise.all(Array.from({ length: 20 }, () => heard(port, 'iterate')));
    expect(new Set(got)).toEqual(new Set(['tail']));
  });

  it('answers by which Node refuses a request arrive', async () => {
    const port = await start(wayIn);
    const got = await Promise.all(Array.from({ length: 20 }, () => heard(port, 'http', 'garbage\r\n\r\n')));
    expect(new Set(got)).toEqual(new Set(['http HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n']));
  });

  it.each(['exit', 'crash'])('last words before a worker’s %s arrive', async (way) => {
    for (let round = 0; round < 3; round += 1) {
      const port = await start(wayIn);
      expect(await heard(port, way)).toBe(`bye by ${way}`);
      await server?.close({ grace: 0 });
    }
  });
});
