import { describe, expect, it } from 'vitest';
import { LANES, Rig, collect, nextTurn, sequences } from './rig.ts';

describe.each(LANES)('over the %s lane', (lane) => {
  describe('an offer', () => {
    it('is claimed, and what the peer sent before is kept', async () => {
      const rig = new Rig({ lane });
      const { client, connection } = rig.connect();
      client.write('early ');
      await nextTurn();
      rig.hub.offer(connection);
      client.end('bird');
      await rig.settle();
      expect(rig.bytesAt(1).toString()).toBe('early bird');
      expect(rig.socket(1).readableEnded).toBe(true);
      expect([rig.claimed, rig.relay.served]).toEqual([[1], 1]);
    });

    it('leaves the stream unread until it is claimed', async () => {
      const rig = new Rig({ lane });
      const { client, stream, connection } = rig.connect();
      client.write('early');
      rig.hub.offer(connection);
      await rig.settle(['mainTurn']);
      expect([stream.readableFlowing, stream.readableLength]).toEqual([null, 5]);
    });

    it('that was taken back before its delivery is skipped, and no handler sees it', async () => {
      const rig = new Rig({ lane });
      const { connection } = rig.connect();
      rig.hub.offer(connection);
      rig.mainTurn();
      expect(rig.hub.takeBack(connection)).toBe(true);
      expect(rig.hub.takeBack(connection)).toBe(false);
      await rig.settle();
      expect([rig.sockets.size, rig.relay.open, rig.relay.served]).toEqual([0, 0, 0]);
      expect([rig.claimed, rig.released, rig.over, rig.hub.open]).toEqual([[], [], [], 0]);
      expect(connection.stream.destroyed).toBe(false);
    });

    it('that was taken back loses also when its slot was given on, and the other wins', async () => {
      const rig = new Rig({ lane });
      const [first, second] = [rig.connect(), rig.connect()];
      rig.hub.offer(first.connection);
      rig.mainTurn();
      rig.hub.takeBack({ id: 1 });
      rig.hub.offer(second.connection);
      await rig.settle();
      expect([[...rig.sockets.keys()], rig.claimed]).toEqual([[2], [2]]);
    });

    it('that was taken back can be offered to another worker and again to the first', async () => {
      const [one, two] = [new Rig({ lane }), new Rig({ lane })];
      const { client, connection } = one.connect();
      client.write('hello');
      one.hub.offer(connection);
      one.hub.takeBack({ id: 1 });
      two.hub.offer(connection);
      two.hub.takeBack({ id: 1 });
      one.hub.offer(connection);
      await two.settle();
      await one.settle();
      expect([one.bytesAt(1).toString(), two.sockets.size]).toEqual(['hello', 0]);
      expect(one.relay.served).toBe(1);
    });

    it('is either taken back or claimed, at every moment of taking back', async () => {
      for (const before of sequences(4)) {
        const rig = new Rig({ lane });
        const { client, stream, connection } = rig.connect();
        client.write('x');
        rig.hub.offer(connection);
        for (const move of before) rig.move(move);
        const won = rig.hub.takeBack({ id: 1 });
        await rig.settle();
        const text = before.join(', ');
        expect([...rig.sockets.keys()], text).toEqual(won ? [] : [1]);
        expect(rig.claimed, text).toEqual(won ? [] : [1]);
        expect(stream.readableFlowing, text).toBe(won ? null : true);
      }
    });
  });

  describe('abandon()', () => {
    it('returns the unclaimed and closes the claimed, with what was sent delivered', async () => {
      const rig = new Rig({ lane });
      const served = await rig.serve();
      const taken = collect(served.client);
      const unclaimed = rig.connect();
      served.socket.write('last words');
      rig.hub.offer(unclaimed.connection);
      await rig.settle(['workerTurn', 'toMain', 'mainTurn']);
      rig.deaf = true;
      expect(rig.hub.abandon('worker-lost')).toEqual([unclaimed.connection]);
      await rig.settle();
      expect(taken().toString()).toBe('last words');
      expect(served.client.readableEnded).toBe(true);
      expect([served.stream.destroyed, unclaimed.stream.destroyed]).toEqual([false, false]);
      served.client.end();
      await rig.settle();
      expect(served.stream.destroyed).toBe(true);
      expect(rig.over.map(({ connection, reason }) => [connection.id, reason])).toEqual([[1, 'worker-lost']]);
      expect([rig.hub.open, rig.clock.armed, rig.sockets.size]).toEqual([0, 0, 1]);
    });

    it('counts as claimed what the worker claimed and did not live to say', async () => {
      const rig = new Rig({ lane });
      const { client, stream, connection } = rig.connect();
      const taken = collect(client);
      rig.hub.offer(connection);
      rig.mainTurn();
      rig.toWorker();
      expect(rig.sockets.size).toBe(1);
      rig.deaf = true;
      expect(rig.hub.abandon('worker-lost')).toEqual([]);
      expect(rig.claimed).toEqual([1]);
      client.end();
      await rig.settle();
      expect(taken().length).toBe(0);
      expect(stream.destroyed).toBe(true);
      expect(rig.over.map(({ reason }) => reason)).toEqual(['worker-lost']);
      expect(rig.clock.armed).toBe(0);
    });

    it('closes a connection whose peer had gone before the claim', async () => {
      const rig = new Rig({ lane });
      const { stream, connection } = rig.connect();
      rig.hub.offer(connection);
      rig.mainTurn();
      rig.toWorker();
      stream.destroy();
      await nextTurn();
      rig.deaf = true;
      rig.hub.abandon('worker-lost');
      await rig.settle();
      expect([rig.over.length, rig.hub.open, rig.clock.armed]).toEqual([1, 0, 0]);
    });

    it('gives up a peer that does not take the rest after the linger timeout', async () => {
      const rig = new Rig({ lane, lingerTimeout: 5000 });
      const { socket, stream } = await rig.serve();
      socket.write(Buffer.alloc(60_000));
      await rig.settle();
      rig.deaf = true;
      rig.hub.abandon('worker-lost');
      await rig.settle();
      rig.clock.advance(4999);
      expect(stream.destroyed).toBe(false);
      rig.clock.advance(1);
      await rig.settle();
      expect([stream.destroyed, rig.over.length, rig.clock.armed]).toEqual([true, 1, 0]);
    });
  });

  describe('a worker that sends garbage', () => {
    const bad = { code: 'FORKLESS_BAD_FRAME' };
    const frame = (kind: number, id: number, payload = Buffer.alloc(0)): Buffer => {
      const bytes = Buffer.alloc(12);
      bytes.writeUInt32LE(payload.length, 0);
      bytes.writeUInt32LE(kind, 4);
      bytes.writeUInt32LE(id, 8);
      return Buffer.concat([bytes, payload]);
    };

    it.each([
      ['a claim on what is not on offer', frame(2, 77)],
      ['a second claim', frame(2, 1)],
      ['an offer', frame(1, 1)],
      ['more bytes than allowed', frame(4, 1, Buffer.alloc(11))],
      ['a close that is not JSON', frame(6, 1, Buffer.from('{'))],
      ['a credit of 3 bytes', frame(8, 1, Buffer.alloc(3))],
      ['a call that does not exist', frame(9, 1, Buffer.from('{"call":"exit"}'))],
    ])('is told so: %s', async (_, batch) => {
      const rig = new Rig({ lane, window: 10 });
      await rig.serve();
      rig.fromWorker(batch);
      expect(rig.broken).toEqual([expect.objectContaining(bad)]);
    });

    it('cannot claim what it did not win', () => {
      const rig = new Rig({ lane });
      rig.hub.offer(rig.connect().connection);
      rig.fromWorker(frame(2, 1));
      expect(rig.broken).toEqual([expect.objectContaining(bad)]);
      expect(rig.hub.takeBack({ id: 1 })).toBe(true);
    });

    it('leaves no stream corked, and late frames of closed connections do nothing', async () => {
      const rig = new Rig({ lane, window: 10 });
      const { stream, client } = await rig.serve();
      const taken = collect(client);
      const batch = Buffer.concat([frame(4, 1, Buffer.from('ok')), frame(4, 99), frame(3, 99), frame(0, 0)]);
      rig.fromWorker(batch);
      expect(rig.broken).toEqual([expect.objectContaining(bad)]);
      await rig.settle();
      expect([stream.writableCorked, taken().toString()]).toEqual([0, 'ok']);
    });
  });
});
