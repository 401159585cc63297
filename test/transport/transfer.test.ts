import { once } from 'node:events';
import { connect, createServer, Socket, type AddressInfo } from 'node:net';
import { describe, expect, it } from 'vitest';
import { type Connection } from '../../src/transport/connection.ts';
import { FRAME, FrameWriter } from '../../src/wire/frames.ts';
import { encodeTransferClose, type SocketMessage } from '../../src/wire/messages.ts';
import { LANES, Rig } from './rig.ts';

const ADDRESSES = { remoteAddress: '127.0.0.1', remotePort: 1, remoteFamily: 'IPv4' };

describe.each(LANES)('a connection to be transferred, over the %s lane', (lane) => {
  /** A rig whose sockets are sent to `sent`, and one connection on offer. */
  function offered(): { rig: Rig; sent: SocketMessage[]; stream: Socket; connection: Connection } {
    const sent: SocketMessage[] = [];
    const rig = new Rig({ lane, sendSocket: (message) => sent.push(message) });
    const stream = new Socket();
    const connection: Connection = { id: 1, stream, addresses: ADDRESSES, acceptedAt: 0 };
    rig.hub.offer(connection);
    return { rig, sent, stream, connection };
  }

  it('is sent once it is claimed, and reported when the worker has closed it', async () => {
    const { rig, sent, stream } = offered();
    expect(sent).toEqual([]);
    await rig.settle();
    expect(sent).toMatchObject([{ id: 1, socket: stream }]);
    expect([rig.claimed, rig.relay.open, rig.transferred]).toEqual([[1], 1, []]);
    rig.relay.heard(sent[0]);
    const [socket] = rig.transferred;
    expect(socket).toMatchObject({ connectionId: 1, ...ADDRESSES });
    socket?.destroy(
      Object.assign(new Error('read ECONNRESET'), { code: 'ECONNRESET', errno: -104, syscall: 'read' }),
    );
    socket?.on('error', () => undefined);
    await rig.settle();
    expect([rig.released, rig.workerOver, rig.relay.open, rig.hub.open]).toEqual([[1], [1], 0, 0]);
    expect(rig.over.map(({ reason, error }) => [reason, error])).toEqual([['peer-error', 'ECONNRESET']]);
  });

  it('can be taken back as long as it is not claimed, and no socket is sent', async () => {
    const { rig, sent, connection, stream } = offered();
    rig.mainTurn();
    expect(rig.hub.takeBack(1)).toBe(true);
    await rig.settle();
    expect([sent, rig.claimed, rig.relay.open, connection.stream === stream]).toEqual([[], [], 0, true]);
  });

  it('that was claimed by a worker which did not live to say so goes to another: no handler has seen it', async () => {
    const { rig, sent, connection } = offered();
    await rig.settle(['mainTurn', 'toWorker', 'workerTurn']);
    expect([rig.relay.served, rig.hub.takeBack(1)]).toEqual([1, false]);
    // What it has published in a ring is read now.
    expect(rig.hub.abandon('worker-lost')).toEqual([connection]);
    expect([sent, rig.claimed, rig.over]).toEqual([[], [], []]);
  });

  it('that was sent ends with its worker', async () => {
    const { rig, connection, stream } = offered();
    await rig.settle();
    expect(connection.stream).not.toBe(stream);
    expect(rig.hub.abandon('worker-lost')).toEqual([]);
    expect(rig.over).toMatchObject([{ connection: { id: 1 }, reason: 'worker-lost' }]);
  });

  it('is relayed if it cannot be sent after all', async () => {
    const rig = new Rig({
      lane,
      sendSocket: () => {
        throw new Error('bytes were read');
      },
    });
    const stream = new Socket();
    rig.hub.offer({ id: 1, stream, addresses: ADDRESSES, acceptedAt: 0 });
    await rig.settle();
    expect(rig.socket(1)).toMatchObject({ connectionId: 1, ...ADDRESSES });
    expect([rig.claimed, rig.relay.open, rig.relay.served, rig.transferred]).toEqual([[1], 1, 1, []]);
    stream.destroy();
    rig.socket(1).destroy();
    await rig.settle();
    expect([rig.over.length, rig.relay.open, rig.hub.open]).toEqual([1, 0, 0]);
  });

  it('is relayed, and loses nothing, if Node has lost it on the way for want of a descriptor', async () => {
    const server = createServer({ pauseOnConnect: true, allowHalfOpen: true }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const client = connect((server.address() as AddressInfo).port, '127.0.0.1').end('hello');
    const [stream] = (await once(server, 'connection')) as [Socket];
    // As Node does it: no error, the socket without its handle, and that still open.
    const rig = new Rig({
      lane,
      sendSocket: () => {
        Reflect.set(stream, '_handle', null);
        stream.destroy();
      },
    });
    rig.hub.offer({ id: 1, stream, addresses: ADDRESSES, acceptedAt: 0 });
    const answer = once(client, 'data');
    await rig.settle();
    rig.socket(1).end('answer');
    while (rig.over.length === 0) await rig.settle();
    expect([rig.bytesAt(1).toString(), String(await answer)]).toEqual(['hello', 'answer']);
    expect(rig.over).toMatchObject([{ reason: 'ended', bytesRead: 5, bytesWritten: 6 }]);
    server.close();
  });

  it.each([
    ['bytes', FRAME.data, Buffer.from('x')],
    ['a close without counts', FRAME.close, undefined],
    ['odd counts', FRAME.close, encodeTransferClose({ read: -1, written: 0, why: undefined })],
  ])('of which a worker sends %s is one of a broken worker', async (_, kind, payload) => {
    const { rig } = offered();
    await rig.settle();
    const batch = new FrameWriter();
    batch.add(kind, 1, payload);
    rig.hub.heard(batch.take());
    expect(rig.broken).toMatchObject([{ code: 'FORKLESS_BAD_FRAME' }]);
  });
});
