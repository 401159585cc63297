import { EventEmitter } from 'node:events';
import { duplexPair } from 'node:stream';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { type Connection } from '../../src/main/relay/connection.ts';
import { type LaneEndOptions } from '../../src/common/lane/lane.ts';
import { laneToWorker } from '../../src/common/lane/open-lane.ts';
import { Hub } from '../../src/main/relay/hub.ts';
import { FRAME, FrameWriter, type FrameKind } from '../../src/common/wire/frames.ts';
import { createRings, RingWriter, type Rings } from '../../src/common/wire/ring.ts';
import { BatchLane } from './batch-lane.ts';
import { tries } from '../effort.ts';

const CONNECTIONS = 3;
const WINDOW = 64;

const frame = fc.record({
  kind: fc.constantFrom<FrameKind[]>(...Object.values(FRAME)),
  // Mostly ids that are on offer or open.
  id: fc.oneof(fc.integer({ min: 1, max: CONNECTIONS }), fc.integer({ min: 0, max: 0xffff_ffff })),
  payload: fc.oneof(
    fc.uint8Array({ maxLength: WINDOW }),
    fc.json().map((text) => new TextEncoder().encode(text)),
    fc.constant(new Uint8Array(0)),
    fc.constant(new Uint8Array([10, 0, 0, 0])),
  ),
});

const claimed = fc.uniqueArray(fc.integer({ min: 1, max: CONNECTIONS }));

interface Sent {
  readonly kind: FrameKind;
  readonly id: number;
  readonly payload: Uint8Array;
}

const batchTo =
  (port: EventEmitter) =>
  ({ kind, id, payload }: Sent): void => {
    const writer = new FrameWriter();
    writer.add(kind, id, payload);
    port.emit('message', writer.take());
  };

const ringTo = (port: EventEmitter, rings: Rings): ((frame: Sent) => void) => {
  const writer = new RingWriter(rings.toMain);
  return ({ kind, id, payload }) => {
    writer.frame(kind, id, payload);
    writer.publish();
    port.emit('message', 0);
  };
};

it.each(['rings', 'batches'])(
  '%s: frames in any order from a broken worker are refused or bounded, and every connection ends with its worker',
  (kind) => {
    fc.assert(
      fc.property(fc.array(frame, { maxLength: 30 }), claimed, (frames, claims) => {
        const over: number[] = [];
        const rings = kind === 'rings' ? createRings() : undefined;
        const broken: unknown[] = [];
        const port = Object.assign(new EventEmitter(), {
          postMessage: () => undefined,
          close: () => undefined,
          unref: () => undefined,
        });
        const options: LaneEndOptions & { port: typeof port } = {
          port,
          sink: (...taken) => {
            hub.frame(...taken);
          },
          passed: () => {
            hub.passed();
          },
          message: () => undefined,
          broken: (error) => broken.push(error),
          atTurnEnd: (run) => {
            run();
          },
        };
        const lane = rings ? laneToWorker(rings, options) : new BatchLane(options);
        const hub: Hub = new Hub({
          lane,
          clock: { now: () => 0, callAt: () => () => undefined },
          window: WINDOW,
          lingerTimeout: 1_000,
          claimed: () => undefined,
          released: () => undefined,
          closed: ({ connection }) => over.push(connection.id),
          broken: (error) => broken.push(error),
        });
        const connections = Array.from({ length: CONNECTIONS }, (_, index): Connection => {
          const [stream] = duplexPair();
          stream.on('error', () => undefined);
          return { id: index + 1, stream, addresses: {}, acceptedAt: 0 };
        });
        for (const connection of connections) hub.offer(connection);
        // What the worker does to the shared words, whether or not it says so.
        for (const id of claims) {
          const slot = hub.pages[0]!.indexOf(id);
          Atomics.store(hub.pages[0]!, slot, -id);
        }
        const send = rings ? ringTo(port, rings) : batchTo(port);
        for (const each of frames) if (broken.length === 0) send(each);
        for (const error of broken) expect(error).toMatchObject({ code: 'FORKLESS_BAD_FRAME' });
        expect(broken.length).toBeLessThanOrEqual(1);
        for (const { stream } of connections) expect(stream.writableLength).toBeLessThanOrEqual(WINDOW);
        const unclaimed = hub.abandon('worker-lost').map(({ id }) => id);
        expect([...unclaimed, ...claims].sort()).toEqual([1, 2, 3]);
        expect(new Set(over).size).toBe(over.length);
        hub.destroy();
        for (const { stream } of connections) stream.destroy();
      }),
      { numRuns: tries(500) },
    );
  },
);
