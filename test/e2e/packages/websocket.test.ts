import { once } from 'node:events';
import { type Prefork } from 'forkless';
import { afterEach, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { HOSTS_AND_TRANSPORTS } from '../../transports.ts';
import { started } from '../peers.ts';

let server: Prefork;

afterEach(async () => {
  await server.close({ grace: 1_000 });
});

it.each(HOSTS_AND_TRANSPORTS)(
  'ws: a chat reaches the clients of every worker, on $threadHost by $transport',
  async (place) => {
    const { server: prefork, port } = await started('websocket-echo', {
      ...place,
      masterHeartbeat: 2_000,
      workerHeartbeat: 500,
    });
    server = prefork;
    const sockets = Array.from({ length: 4 }, () => new WebSocket(`ws://127.0.0.1:${port}`));
    await Promise.all(sockets.map((socket) => once(socket, 'open')));
    const heard = sockets.map((socket) => once(socket, 'message'));
    sockets[0]!.send('hello all');
    const texts = (await Promise.all(heard)).map(([data]) => (data as Buffer).toString());
    expect(texts).toEqual(Array(4).fill('hello all'));
    expect(server.status().workers.filter(({ open }) => open > 0).length).toBe(2);
    for (const socket of sockets) socket.terminate();
  },
);
