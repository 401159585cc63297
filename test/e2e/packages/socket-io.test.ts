import { once } from 'node:events';
import { type Prefork } from 'forkless';
import { io, type Socket } from 'socket.io-client';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { started } from '../peers.ts';
import { TRANSPORTS, type Transport } from '../../transports.ts';

let transport: Transport = 'relay';
let server: Prefork;
const clients: Socket[] = [];

afterEach(async () => {
  for (const client of clients.splice(0)) client.disconnect();
  await server.close({ grace: 1_000 });
});

function joined(port: number, transports: string[]): Socket {
  const client = io(`http://127.0.0.1:${port}`, { transports, forceNew: true, reconnection: false });
  clients.push(client);
  return client;
}

const connected = (client: Socket): Promise<void> =>
  new Promise((resolve, reject) => {
    client.once('connect', resolve);
    client.once('connect_error', reject);
  });

const heard = (client: Socket): Promise<unknown> => new Promise((resolve) => client.once('shouted', resolve));

describe.each(TRANSPORTS)('by %s', (by) => {
  beforeEach(() => {
    transport = by;
  });

  it.each([
    ['by WebSocket, on whichever worker', ['websocket'], 'least-open'],
    [
      'by polling and then an upgrade, where an address keeps its worker',
      ['polling', 'websocket'],
      'sticky-address',
    ],
    ['by polling alone', ['polling'], 'sticky-address'],
  ] as const)('socket.io: acknowledges and broadcasts %s', async (_way, transports, dispatch) => {
    const { server: prefork, port } = await started('socket-io', {
      dispatch,
      transport,
      masterHeartbeat: 2_000,
      workerHeartbeat: 500,
    });
    server = prefork;
    const one = joined(port, [...transports]);
    await connected(one);
    if (transports.length === 2 && one.io.engine.transport.name !== 'websocket')
      await new Promise((resolve) => one.io.engine.once('upgrade', resolve));
    const all = heard(one);
    const answer: unknown[] = await new Promise((resolve) => {
      one.emit('shout', 'hello', (...given: unknown[]) => {
        resolve(given);
      });
    });
    expect(answer).toEqual([5, '127.0.0.1']);
    expect(await all).toBe('HELLO');
  });

  it('socket.io: reaches the clients of all workers through a channel', async () => {
    const prefork = await started('socket-io', { transport, masterHeartbeat: 2_000, workerHeartbeat: 500 });
    server = prefork.server;
    const all = Array.from({ length: 4 }, () => joined(prefork.port, ['websocket']));
    await Promise.all(all.map(connected));
    const workers = server.status().workers.filter(({ open }) => open > 0);
    expect(workers.length).toBeGreaterThan(1);
    const hear = Promise.all(all.map(heard));
    all[0]!.emit('shout to all', 'hello');
    expect(await hear).toEqual(Array(4).fill('HELLO'));
  });

  it('socket.io: closes its clients when their worker is to leave, and they find another', async () => {
    const { server: prefork, port } = await started('socket-io', {
      masterHeartbeat: 2_000,
      workerHeartbeat: 500,
    });
    server = prefork;
    const client = io(`http://127.0.0.1:${port}`, {
      transports: ['websocket'],
      forceNew: true,
      reconnectionDelay: 10,
    });
    clients.push(client);
    const connection = once(server, 'connection') as Promise<[{ worker: number }]>;
    await connected(client);
    const [{ worker }] = await connection;
    const again = new Promise((resolve) => client.io.once('reconnect', resolve));
    const next = once(server, 'connection') as Promise<[{ worker: number }]>;
    server.retire(worker);
    await again;
    expect((await next)[0].worker).not.toBe(worker);
    const all = heard(client);
    client.emit('shout', 'still here', () => undefined);
    expect(await all).toBe('STILL HERE');
  });
});
