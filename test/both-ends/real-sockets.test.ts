import { once } from 'node:events';
import { connect, createServer, Socket, type AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { nextTurn, pattern, Rig } from './rig.ts';

/** A socket that only looks like one of the user's own: nothing is known of what it does inside. */
class OwnSocket extends Socket {}

const opened: Socket[] = [];

afterEach(() => {
  for (const socket of opened.splice(0)) socket.destroy();
});

async function tcpPair(): Promise<{ client: Socket; stream: Socket }> {
  const server = createServer({ allowHalfOpen: true, pauseOnConnect: true }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const client = connect({
    port: (server.address() as AddressInfo).port,
    host: '127.0.0.1',
    allowHalfOpen: true,
  });
  const [stream] = (await once(server, 'connection')) as [Socket];
  server.close();
  opened.push(client, stream);
  stream.on('error', () => undefined);
  client.on('error', () => undefined);
  return { client, stream };
}

describe.each([
  ['read directly', false],
  ["read by 'data' events", true],
])('a TCP socket %s', (_, own) => {
  async function serve() {
    const rig = new Rig();
    const { client, stream } = await tcpPair();
    if (own) Object.setPrototypeOf(stream, OwnSocket.prototype);
    const connection = { id: 1, stream, addresses: {}, acceptedAt: 0 };
    rig.hub.offer(connection);
    await rig.settle();
    expect(stream.listenerCount('data')).toBe(own ? 1 : 0);
    const until = async (done: () => boolean): Promise<void> => {
      while (!done()) {
        await rig.settle();
        await new Promise((resolve) => setTimeout(resolve, 1));
      }
    };
    return { rig, client, stream, socket: rig.socket(1), until };
  }

  it('carries bytes and ends both ways', async () => {
    const { rig, client, socket, until } = await serve();
    const down = pattern(0, 3_000_001);
    const up = pattern(7, 2_000_003);
    const taken: Buffer[] = [];
    client.on('data', (chunk) => taken.push(chunk));
    client.write(down);
    for (let at = 0; at < up.length; at += 100_000) socket.write(up.subarray(at, at + 100_000));
    client.end();
    await until(() => socket.readableEnded);
    socket.end();
    await until(() => client.readableEnded && rig.over.length > 0);
    expect([rig.bytesAt(1).equals(down), Buffer.concat(taken).equals(up)]).toEqual([true, true]);
    expect(rig.over.map((end) => [end.reason, end.bytesRead, end.bytesWritten])).toEqual([
      ['ended', down.length, up.length],
    ]);
  });

  it('holds the peer back when the worker does not read, and goes on', async () => {
    const { rig, client, stream, socket, until } = await serve();
    const down = pattern(0, 20_000_000);
    socket.pause();
    client.write(down);
    await until(() => stream.isPaused());
    for (let turn = 0; turn < 20; turn += 1) await nextTurn();
    expect(stream.bytesRead).toBeLessThan(2_000_000);
    socket.resume();
    await until(() => rig.bytesAt(1).length === down.length);
    expect(rig.bytesAt(1).equals(down)).toBe(true);
  });

  it('keeps the bytes of a peer that does not read apart from those of others', async () => {
    const { rig, client, socket, until } = await serve();
    const other = await tcpPair();
    rig.hub.offer({ id: 2, stream: other.stream, addresses: {}, acceptedAt: 0 });
    await rig.settle();
    const up = pattern(0, 8_000_000);
    socket.write(up);
    const taken: Buffer[] = [];
    other.client.on('data', (chunk) => taken.push(chunk));
    for (let at = 0; at < 200; at += 1) {
      rig.socket(2).write(pattern(at * 1000, 1000));
      await rig.settle();
    }
    await until(() => Buffer.concat(taken).length === 200_000);
    expect(Buffer.concat(taken).equals(pattern(0, 200_000))).toBe(true);
    const late: Buffer[] = [];
    client.on('data', (chunk) => late.push(chunk));
    await until(() => late.reduce((sum, { length }) => sum + length, 0) === up.length);
    expect(Buffer.concat(late).equals(up)).toBe(true);
  });

  it('tells the worker of a reset', async () => {
    const { rig, client, until } = await serve();
    client.resetAndDestroy();
    await until(() => rig.socketErrors.length > 0);
    expect(rig.socketErrors).toMatchObject([{ code: 'ECONNRESET' }]);
  });
});
