import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { RING_BYTES } from '../../src/common/wire/ring.ts';
import { LANES, collect, MOVES, nextTurn, pattern, Rig, type Move } from './rig.ts';
import { tries } from '../effort.ts';

describe.each(LANES)('over the %s lane', (lane) => {
  type Act = Move | 'peerWrites' | 'workerWrites' | 'turn' | 'pause' | 'resume';

  const ACTS: readonly Act[] = [...MOVES, 'peerWrites', 'workerWrites', 'turn', 'pause', 'resume'];

  interface Plan {
    /** Bytes of each ring. */
    readonly capacity: number;
    readonly window: number;
    readonly highWaterMark: number;
    readonly wire: number;
    /** Sizes of the chunks that the peer writes, and the worker. */
    readonly down: readonly number[];
    readonly up: readonly number[];
    readonly order: readonly Act[];
  }

  const plans = (min: number, window: number, chunk: number, maxLength: number): fc.Arbitrary<Plan> =>
    fc.record({
      capacity: fc.constantFrom(256, 4096, RING_BYTES),
      window: fc.integer({ min, max: window }),
      highWaterMark: fc.integer({ min, max: window }),
      wire: fc.integer({ min, max: chunk }),
      down: fc.array(fc.nat(chunk), { maxLength }),
      up: fc.array(fc.nat(chunk), { maxLength }),
      order: fc.array(fc.constantFrom(...ACTS), { maxLength: 60 }),
    });

  interface Writable {
    write(chunk: Buffer): unknown;
    end(): unknown;
  }

  /** Writes the chunks one by one as it is called, then ends. */
  function writer(to: Writable, sizes: readonly number[]): () => boolean {
    let at = 0;
    let sent = 0;
    return () => {
      const size = sizes[at];
      at += 1;
      if (size === undefined) {
        if (at === sizes.length + 1) to.end();
        return false;
      }
      to.write(pattern(sent, size));
      sent += size;
      return true;
    };
  }

  const sum = (sizes: readonly number[]): number => sizes.reduce((total, size) => total + size, 0);

  async function carry({ capacity, window, highWaterMark, wire, down, up, order }: Plan): Promise<void> {
    const rig = new Rig({ lane, capacity, window, highWaterMark });
    const { client, stream, socket, id } = await rig.serve(wire);
    const fromWorker = collect(client);
    const peerWrites = writer(client, down);
    const workerWrites = writer(socket, up);
    const acts: Record<Exclude<Act, Move | 'turn'>, () => unknown> = {
      peerWrites,
      workerWrites,
      pause: () => socket.pause(),
      resume: () => socket.resume(),
    };
    for (const act of order) {
      if (act === 'turn') await nextTurn();
      else if (act in acts) acts[act as keyof typeof acts]();
      else rig.move(act as Move);
    }
    while (peerWrites());
    while (workerWrites());
    await rig.settle();
    socket.resume();
    await rig.settle();
    expect(rig.bytesAt(id).equals(pattern(0, sum(down))), 'to the worker').toBe(true);
    expect(fromWorker().equals(pattern(0, sum(up))), 'to the peer').toBe(true);
    expect([socket.readableEnded, client.readableEnded]).toEqual([true, true]);
    expect([socket.bytesRead, socket.bytesWritten]).toEqual([sum(down), sum(up)]);
    expect(rig.over.map((end) => [end.bytesRead, end.bytesWritten, end.reason])).toEqual([
      [sum(down), sum(up), 'ended'],
    ]);
    expect([rig.released, rig.workerOver]).toEqual([[id], [id]]);
    expect([rig.hub.open, rig.relay.open, rig.clock.armed]).toEqual([0, 0, 0]);
    expect([stream.destroyed, socket.destroyed]).toEqual([true, true]);
    expect(rig.socketErrors).toEqual([]);
  }

  describe('bytes out are bytes in, in order, both ways', () => {
    it('with small windows', async () => {
      await fc.assert(fc.asyncProperty(plans(1, 200, 300, 12), carry), { numRuns: tries(250) });
    });

    it('with chunks around the lane window', async () => {
      await fc.assert(fc.asyncProperty(plans(30_000, 2_000_000, 700_000, 4), carry), { numRuns: tries(15) });
    });

    it('on many connections at once', async () => {
      const sizes = fc.array(fc.nat(90_000), { maxLength: 5 });
      const all = fc.array(fc.tuple(sizes, sizes), { minLength: 2, maxLength: 12 });
      await fc.assert(
        fc.asyncProperty(all, fc.integer({ min: 10_000, max: 200_000 }), async (connections, window) => {
          const rig = new Rig({ lane, window });
          const served = [];
          for (const [down, up] of connections) {
            const one = await rig.serve();
            served.push({ ...one, down, up, fromWorker: collect(one.client) });
          }
          for (const { client, socket, down, up } of served) {
            const writers = [writer(client, down), writer(socket, up)];
            for (const write of writers) while (write());
          }
          await rig.settle();
          for (const { id, down, up, fromWorker } of served) {
            expect(rig.bytesAt(id).equals(pattern(0, sum(down)))).toBe(true);
            expect(fromWorker().equals(pattern(0, sum(up)))).toBe(true);
          }
          expect([rig.over.length, rig.hub.open, rig.relay.open, rig.clock.armed]).toEqual([
            connections.length,
            0,
            0,
            0,
          ]);
        }),
        { numRuns: tries(15) },
      );
    });
  });

  describe('the tail of the peer’s bytes', () => {
    /** The peer is through and its stream closed, but the worker has no credit for the rest. */
    async function withTail(size = 5000) {
      const rig = new Rig({ lane, window: 1000, highWaterMark: 100 });
      const served = await rig.serve();
      served.socket.pause();
      served.client.resume();
      served.socket.end('done');
      await rig.settle();
      served.client.write(pattern(0, size));
      await rig.settle();
      served.client.end();
      await rig.settle();
      served.stream.read(0); // as a net.Socket does when the end comes
      await rig.settle();
      expect([served.stream.closed, rig.over, rig.released]).toEqual([true, [], []]);
      return { rig, ...served };
    }

    it('reaches a worker that ended its side first and reads late', async () => {
      const { rig, socket, id } = await withTail();
      socket.resume();
      await rig.settle();
      expect(rig.bytesAt(id).equals(pattern(0, 5000))).toBe(true);
      expect(socket.readableEnded).toBe(true);
      expect([rig.released, rig.over.length, rig.hub.open]).toEqual([[id], 1, 0]);
    });

    it('is dropped when the worker closes instead of reading it', async () => {
      const { rig, socket, id } = await withTail();
      socket.destroy();
      await rig.settle();
      expect([rig.released, rig.over.length, rig.hub.open, rig.clock.armed]).toEqual([[id], 1, 0, 0]);
    });

    it.each([5000, 500])('is dropped when nothing has moved for too long, of %i bytes', async (size) => {
      const { rig, socket, id } = await withTail(size);
      for (const end of rig.hub.sides) end.timeOut('idle-timeout');
      await rig.settle();
      expect(rig.over).toMatchObject([{ reason: 'idle-timeout', error: 'ETIMEDOUT' }]);
      expect(rig.socketErrors).toMatchObject([{ code: 'ETIMEDOUT' }]);
      expect([socket.closed, rig.released, rig.hub.open, rig.clock.armed]).toEqual([true, [id], 0, 0]);
    });

    it('is dropped when the worker is abandoned', async () => {
      const { rig, id } = await withTail();
      rig.hub.abandon('worker-lost');
      await rig.settle();
      expect([rig.released, rig.over.length, rig.hub.open, rig.clock.armed]).toEqual([[id], 1, 0, 0]);
    });

    it('is dropped when the hub closes every connection', async () => {
      const { rig, socket, id } = await withTail();
      rig.hub.destroy();
      rig.hub.destroy();
      socket.resume();
      await rig.settle();
      expect(rig.bytesAt(id).length).toBeLessThan(5000);
      expect([rig.released, rig.over.length, rig.hub.open, rig.clock.armed]).toEqual([[id], 1, 0, 0]);
    });
  });
});
