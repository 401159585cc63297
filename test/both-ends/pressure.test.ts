import { once } from 'node:events';
import { Readable, type Writable } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { LANE_WINDOW as BATCH_WINDOW } from './batch-lane.ts';
import { HEADER } from '../../src/common/wire/frames.ts';
import { RING_BYTES } from '../../src/common/wire/ring.ts';
import { LANES, collect, nextTurn, Rig } from './rig.ts';

describe.each(LANES)('over the %s lane', (lane) => {
  const LANE_WINDOW = lane === 'ring' ? RING_BYTES : BATCH_WINDOW;

  const MIB = 1_048_576;
  const CHUNK = 65_536;
  const WINDOW = 262_144;
  const FLOOD = 64 * MIB;

  /** Keeps writing for as long as it is taken, 64 MiB at most. */
  function flood(to: Writable, total = FLOOD): void {
    const chunk = Buffer.alloc(CHUNK, 7);
    const chunks = function* (): Generator<Buffer> {
      for (let sent = 0; sent < total; sent += CHUNK) yield chunk;
    };
    Readable.from(chunks(), { objectMode: false, highWaterMark: CHUNK }).pipe(to);
  }

  /** Notes the highest value of what it is given. */
  function highest(): { (value: number): void; top: number } {
    const note = (value: number): void => {
      note.top = Math.max(note.top, value);
    };
    note.top = 0;
    return note;
  }

  describe('64 MiB from a peer', () => {
    it('to a worker that never reads stay outside but for a window', async () => {
      const highWaterMark = 16_384;
      const rig = new Rig({ lane, window: WINDOW, highWaterMark, connected: () => undefined });
      const { client, stream, socket } = await rig.serve(CHUNK);
      let taken = 0;
      stream.on('data', (chunk: Buffer) => (taken += chunk.length));
      const ports = highest();
      rig.watch = () => {
        ports(rig.mainPort.bytes);
      };
      flood(client);
      await rig.settle();
      // All that is taken from the stream is in a port, in the socket or waits for credit.
      expect(taken).toBeGreaterThanOrEqual(WINDOW);
      expect(taken).toBeLessThanOrEqual(WINDOW + LANE_WINDOW + CHUNK);
      expect(socket.readableLength).toBeLessThanOrEqual(WINDOW + highWaterMark);
      expect(taken - socket.readableLength).toBeLessThanOrEqual(CHUNK);
      expect(ports.top).toBeLessThanOrEqual(LANE_WINDOW + 1024);
      expect(stream.readableLength).toBeLessThanOrEqual(2 * CHUNK);
      expect(stream.isPaused()).toBe(true);
    });

    it.each([16, 64])('each of %i to a blocked worker fill no more than the lane window', async (count) => {
      const rig = new Rig({ lane, window: WINDOW });
      const served = [];
      for (let at = 0; at < count; at += 1) served.push(await rig.serve(CHUNK));
      let taken = 0;
      for (const { client, stream } of served) {
        stream.on('data', (chunk: Buffer) => (taken += chunk.length));
        flood(client);
      }
      await rig.settle(['mainTurn', 'toMain', 'workerTurn']);
      expect(rig.mainPort.bytes).toBeGreaterThan(LANE_WINDOW * 0.75);
      expect(rig.mainPort.bytes).toBeLessThanOrEqual(LANE_WINDOW + HEADER * 2 * count);
      expect(taken).toBeLessThanOrEqual(LANE_WINDOW + count * CHUNK * 2);
    });

    it('in chunks of a few bytes fill no more than the lane window either', async () => {
      const rig = new Rig({ lane, window: MIB });
      const { socket, client } = await rig.serve();
      const ports = highest();
      rig.watch = () => {
        ports(rig.workerPort.bytes);
      };
      client.resume();
      socket.cork();
      const bit = Buffer.alloc(1);
      for (let at = 0; at < MIB; at += 1) socket.write(bit);
      socket.uncork();
      await rig.settle();
      expect(ports.top).toBeLessThanOrEqual(LANE_WINDOW + 1024);
      expect(socket.writableLength).toBe(0);
    });

    it('go through a worker that reads, with bounded ports', async () => {
      const rig = new Rig({ lane, window: WINDOW, connected: () => undefined });
      const { client, socket } = await rig.serve(CHUNK);
      let read = 0;
      socket.on('data', (chunk: Buffer) => (read += chunk.length));
      const ports = highest();
      rig.watch = () => {
        ports(rig.mainPort.bytes);
      };
      flood(client);
      await rig.settle();
      expect(read).toBe(FLOOD);
      expect(ports.top).toBeLessThanOrEqual(LANE_WINDOW + 1024);
    });
  });

  describe('64 MiB from a worker to a peer that never reads', () => {
    async function stalled(write: (to: Writable) => void) {
      const rig = new Rig({ lane, window: WINDOW });
      // The wire takes a few chunks before it is full: grants must not run ahead of what it took.
      const served = await rig.serve(3 * CHUNK);
      const [buffered, ports] = [highest(), highest()];
      rig.watch = () => {
        buffered(served.stream.writableLength);
        ports(rig.workerPort.bytes);
      };
      write(served.socket);
      await rig.settle();
      expect(buffered.top).toBeGreaterThan(0);
      expect(buffered.top).toBeLessThanOrEqual(WINDOW);
      expect(ports.top).toBeLessThanOrEqual(LANE_WINDOW + 1024);
      return { rig, ...served };
    }

    it('stay in the worker when it respects drain', async () => {
      const { socket } = await stalled((to) => {
        flood(to);
      });
      expect(socket.bufferSize).toBeLessThanOrEqual(2 * CHUNK);
    });

    it('stay in the worker when it ignores drain, and go on when the peer reads', async () => {
      const { rig, socket, client } = await stalled((to) => {
        const chunk = Buffer.alloc(CHUNK, 7);
        for (let sent = 0; sent < FLOOD; sent += CHUNK) to.write(chunk);
      });
      expect(socket.bufferSize).toBeGreaterThan(FLOOD - 3 * WINDOW);
      let read = 0;
      client.on('data', (chunk: Buffer) => (read += chunk.length));
      await rig.settle();
      expect([read, socket.bufferSize]).toEqual([FLOOD, 0]);
    });

    it('raise drain when there is room again', async () => {
      const { rig, socket, client } = await stalled((to) => to.write(Buffer.alloc(MIB)));
      expect(socket.writableNeedDrain).toBe(true);
      const drained = once(socket, 'drain');
      client.resume();
      await rig.settle();
      await drained;
      expect(socket.bufferSize).toBe(0);
    });
  });

  describe('a flood on one connection', () => {
    it('does not hold up another on the way to the worker', async () => {
      const rig = new Rig({ lane, window: 8 * MIB });
      const flooded = await rig.serve(CHUNK);
      const other = await rig.serve();
      flood(flooded.client);
      for (let at = 0; at < 100; at += 1) {
        await nextTurn();
        rig.mainTurn();
      }
      expect(rig.mainPort.bytes).toBeGreaterThan(LANE_WINDOW * 0.75);
      other.client.write('let me through');
      for (let at = 0; at < 4; at += 1) await nextTurn();
      // What was before it in the port is a lane window at most.
      const before = rig.bytesAt(flooded.id).length;
      for (let at = 0; at < 1000 && rig.bytesAt(other.id).length === 0; at += 1) {
        rig.toWorker();
        rig.workerTurn();
        rig.toMain();
        rig.mainTurn();
        await nextTurn();
      }
      expect(rig.bytesAt(other.id).toString()).toBe('let me through');
      expect(rig.bytesAt(flooded.id).length - before).toBeLessThanOrEqual(2 * LANE_WINDOW);
    });

    it('does not hold up another on the way to the main thread', async () => {
      const rig = new Rig({ lane, window: 8 * MIB });
      const flooded = await rig.serve(CHUNK);
      const other = await rig.serve();
      let read = 0;
      flooded.client.on('data', (chunk: Buffer) => (read += chunk.length));
      const taken = collect(other.client);
      const chunk = Buffer.alloc(CHUNK);
      for (let sent = 0; sent < FLOOD; sent += CHUNK) flooded.socket.write(chunk);
      other.socket.write('let me through');
      for (let at = 0; at < 1000 && taken().length === 0; at += 1) {
        rig.workerTurn();
        rig.toMain();
        rig.toWorker();
        rig.mainTurn();
        await nextTurn();
      }
      expect(taken().toString()).toBe('let me through');
      expect(read).toBeLessThanOrEqual(2 * LANE_WINDOW);
    });

    it('that is not read does not hold up another', async () => {
      const rig = new Rig({ lane, window: WINDOW });
      const stuck = await rig.serve(CHUNK);
      const other = await rig.serve();
      stuck.socket.pause();
      flood(stuck.client);
      flood(stuck.socket);
      await rig.settle();
      const taken = collect(other.client);
      other.client.write('ping');
      other.socket.write('pong');
      await rig.settle();
      expect([rig.bytesAt(other.id).toString(), taken().toString()]).toEqual(['ping', 'pong']);
    });

    it('on each of many is carried in turn', async () => {
      const rig = new Rig({ lane, window: MIB });
      const served = [];
      for (let at = 0; at < 8; at += 1) served.push(await rig.serve(CHUNK));
      for (const { socket } of served) socket.write(Buffer.alloc(4 * MIB));
      const read = served.map(() => 0);
      for (const [at, { client }] of served.entries()) {
        client.on('data', (chunk: Buffer) => (read[at]! += chunk.length));
      }
      let steps = 0;
      while (read.some((bytes) => bytes === 0) && steps < 1000) {
        steps += 1;
        rig.workerTurn();
        rig.toMain();
        rig.mainTurn();
        rig.toWorker();
        await nextTurn();
      }
      expect(Math.min(...read)).toBeGreaterThan(0);
      expect(Math.max(...read)).toBeLessThanOrEqual(2 * LANE_WINDOW);
      await rig.settle();
      expect(read).toEqual(served.map(() => 4 * MIB));
    });
  });

  describe('a small piece of a large batch', () => {
    it('does not keep the batch in memory', async () => {
      const rig = new Rig({ lane, connected: () => undefined });
      const idle = await rig.serve();
      const busy = await rig.serve(CHUNK);
      idle.client.write('few');
      busy.client.write(Buffer.alloc(60_000));
      await rig.settle();
      const kept = idle.socket.read() as Buffer;
      expect([kept.toString(), kept.buffer.byteLength <= 16_384]).toEqual(['few', true]);
    });
  });
});
