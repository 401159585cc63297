import { once } from 'node:events';
import { connect, createServer, Socket, type AddressInfo } from 'node:net';
import { describe, expect, it } from 'vitest';
import { type Connection } from '../../src/main/relay/connection.ts';
import { PAGE_SLOTS } from '../../src/common/wire/leases.ts';
import { FRAME, FrameWriter } from '../../src/common/wire/frames.ts';
import { encodeTransferClose, type SocketMessage } from '../../src/common/wire/messages.ts';
import { LANES, Rig, sequences } from './rig.ts';

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
    rig.fromMain(sent[0]);
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
    expect(rig.hub.takeBack({ id: 1 })).toBe(true);
    await rig.settle();
    expect([sent, rig.claimed, rig.relay.open, connection.stream === stream]).toEqual([[], [], 0, true]);
  });

  it('can be taken back from a worker that has claimed it and does not come to say so', async () => {
    const { rig, sent, connection, stream } = offered();
    await rig.settle(['mainTurn', 'toWorker']);
    expect(rig.relay.open).toBe(1);
    expect(rig.hub.takeBack({ id: 1 })).toBe(true);
    expect(rig.hub.takeBack({ id: 1 })).toBe(false);
    await rig.settle();
    expect([sent, rig.claimed, connection.stream === stream]).toEqual([[], [], true]);
    expect([rig.relay.open, rig.relay.served, rig.workerOver, rig.broken]).toEqual([0, 0, [1], []]);
    expect(rig.gaveUp).toBe(1);
    // A slot is free again.
    rig.hub.offer(connection);
    await rig.settle();
    expect([sent.length, rig.claimed, rig.relay.served]).toEqual([1, [1], 1]);
  });

  it('is sent to one worker alone, at every moment of taking back and of the next', async () => {
    for (const before of sequences(4)) {
      for (const next of ['another', 'the same'] as const) {
        const sent: number[] = [];
        const rigs = [1, 2].map((n) => new Rig({ lane, sendSocket: () => sent.push(n) })) as [Rig, Rig];
        const connection: Connection = { id: 1, stream: new Socket(), addresses: ADDRESSES, acceptedAt: 0 };
        const [one, other] = next === 'another' ? rigs : [rigs[0], rigs[0]];
        one.hub.offer(connection);
        for (const move of before) one.move(move);
        const won = one.hub.takeBack({ id: 1 });
        const after = won ? other : one;
        if (won) other.hub.offer(connection);
        for (const rig of rigs) await rig.settle();
        const text = `${before.join(', ')}, then ${next}`;
        expect(sent, text).toEqual([rigs.indexOf(after) + 1]);
        expect(
          rigs.map((rig) => rig.claimed.length),
          text,
        ).toEqual(rigs.map((rig) => Number(rig === after)));
        expect(
          rigs.map(({ relay }) => [relay.open, relay.served]),
          text,
        ).toEqual(rigs.map((rig) => (rig === after ? [1, 1] : [0, 0])));
        expect(
          rigs.flatMap(({ broken }) => broken),
          text,
        ).toEqual([]);
      }
    }
  });

  it('that was so taken back and is offered to the same worker again counts as claimed when it says so', async () => {
    const { rig, sent, connection } = offered();
    await rig.settle(['mainTurn', 'toWorker']);
    rig.hub.takeBack({ id: 1 });
    rig.hub.offer(connection);
    await rig.settle();
    expect([sent.length, rig.claimed, rig.relay.served, rig.relay.open]).toEqual([1, [1], 1, 1]);
    expect([rig.workerOver, rig.broken, rig.gaveUp]).toEqual([[], [], 0]);
  });

  it('that was so taken back keeps its slot until the worker speaks, and only half of them', async () => {
    const { rig } = offered();
    for (let id = 2; id <= PAGE_SLOTS; id += 1)
      rig.hub.offer({ id, stream: new Socket(), addresses: ADDRESSES, acceptedAt: 0 });
    await rig.settle(['mainTurn', 'toWorker']);
    const back = rig.hub.takeAllBack();
    expect(back.length).toBe(PAGE_SLOTS / 2);
    await rig.settle();
    expect([rig.claimed.length, rig.gaveUp, rig.broken]).toEqual([PAGE_SLOTS / 2, PAGE_SLOTS / 2, []]);
    rig.hub.offer(back[0]!);
    await rig.settle();
    expect(rig.claimed.length).toBe(PAGE_SLOTS / 2 + 1);
  });

  it('that was so taken back is not told of twice when its worker ends', async () => {
    const { rig } = offered();
    await rig.settle(['mainTurn', 'toWorker']);
    rig.hub.takeBack({ id: 1 });
    await rig.settle(['workerTurn']);
    expect(rig.hub.abandon('worker-lost')).toEqual([]);
    expect([rig.claimed, rig.over, rig.broken]).toEqual([[], [], []]);
  });

  it('of which a claim is told twice is one of a broken worker', async () => {
    const { rig } = offered();
    await rig.settle(['mainTurn', 'toWorker']);
    rig.hub.takeBack({ id: 1 });
    await rig.settle();
    const batch = new FrameWriter();
    batch.add(FRAME.claim, 1);
    rig.fromWorker(batch.take());
    expect(rig.broken).toMatchObject([{ code: 'FORKLESS_BAD_FRAME' }]);
  });

  it('that was claimed by a worker which did not live to say so goes to another: no handler has seen it', async () => {
    const { rig, sent, connection } = offered();
    await rig.settle(['mainTurn', 'toWorker', 'workerTurn']);
    expect(rig.relay.served).toBe(1);
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
    rig.fromWorker(batch.take());
    expect(rig.broken).toMatchObject([{ code: 'FORKLESS_BAD_FRAME' }]);
  });
});
