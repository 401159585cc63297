import { once } from 'node:events';
import { createServer, type RequestListener, type Server } from 'node:http';
import { connect, type AddressInfo, type Socket } from 'node:net';
import { afterEach, expect, it } from 'vitest';
import { Http1Drain } from '../../src/http/drain.ts';
import { type ServedSocket } from '../../src/worker/session/served-socket.ts';

let server: Server;
let port: number;
let told: number[];
const clients: Socket[] = [];

async function serving(
  listener: RequestListener,
  prepare: (server: Server) => void = () => undefined,
): Promise<void> {
  server = createServer(listener);
  prepare(server);
  told = [];
  const drain = new Http1Drain(
    [server],
    1_000,
    {
      rest: (count) => {
        told.push(count);
        server.emit('told');
      },
      failed: () => undefined,
    },
    true,
  );
  server.on('connection', (socket: unknown) => {
    drain.add(socket as ServedSocket);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  ({ port } = server.address() as AddressInfo);
}

function client(): Socket {
  const socket = connect(port, '127.0.0.1').on('error', () => undefined);
  clients.push(socket.resume());
  return socket;
}

afterEach(async () => {
  for (const each of clients.splice(0)) each.destroy();
  server.close();
  await once(server, 'close');
});

const GET = 'GET / HTTP/1.1\r\nhost: x\r\n\r\n';

it('tells how many connections rest between two requests', async () => {
  await serving((_, response) => response.end('hello'));
  const one = client();
  const other = client();
  one.write(GET);
  await once(server, 'told');
  other.write(GET);
  await once(server, 'told');
  one.write(GET);
  while (told.length < 4) await once(server, 'told');
  one.destroy();
  await once(server, 'told');
  other.destroy();
  await once(server, 'told');
  expect(told).toEqual([1, 2, 1, 2, 1, 0]);
});

it('counts neither a connection without a request, nor one whose request is under way', async () => {
  const asked: (() => void)[] = [];
  await serving((_, response) => {
    asked.push(() => response.end('hello'));
    server.emit('asked');
  });
  client();
  const busy = client();
  busy.write(GET);
  await once(server, 'asked');
  asked[0]?.();
  await once(server, 'told');
  busy.write(GET);
  await once(server, 'asked');
  busy.destroy();
  await once(busy, 'close');
  expect(told).toEqual([1, 0]);
});

it('does not count a connection that speaks another protocol by now', async () => {
  await serving(
    (_, response) => response.end('hello'),
    (made) =>
      made.on('upgrade', (_, socket: Socket) => {
        socket.on('error', () => undefined).write('HTTP/1.1 101 Switching Protocols\r\n\r\n');
      }),
  );
  const socket = client();
  socket.write(GET);
  await once(server, 'told');
  socket.write('GET / HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: other\r\n\r\n');
  await once(server, 'told');
  expect(told).toEqual([1, 0]);
});
