import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FRAME, RING_FRAME, type FrameKind } from '../../../src/common/wire/frames.ts';
import { createRing, HEAD, RingWriter, TAIL } from '../../../src/common/wire/ring.ts';
import { RingReader } from '../../../src/common/wire/ring-reader.ts';

const bytesOf = (size: number, seed: number): Buffer =>
  Buffer.from(Array.from({ length: size }, (_, at) => at * 7 + seed));

interface Seen {
  readonly kind: FrameKind;
  readonly id: number;
  readonly bytes: Buffer;
}

function pair(capacity: number) {
  const memory = createRing(capacity);
  const seen: Seen[] = [];
  const reader = new RingReader(memory);
  let rooms = 0;
  return {
    memory,
    words: new Int32Array(memory),
    seen,
    reader,
    writer: new RingWriter(memory),
    read: () =>
      reader.read(
        (kind, id, payload) => seen.push({ kind, id, bytes: Buffer.from(payload) }),
        () => (rooms += 1),
      ),
    rooms: () => rooms,
  };
}

/** Consecutive bytes of one connection are one stretch, however they were cut. */
function stretches(frames: readonly Seen[]): (string | number)[][] {
  const all: { kind: number; id: number; parts: Buffer[] }[] = [];
  for (const { kind, id, bytes } of frames) {
    const last = all.at(-1);
    if (kind === FRAME.data && last?.kind === FRAME.data && last.id === id) last.parts.push(bytes);
    else all.push({ kind, id, parts: [bytes] });
  }
  return all.map(({ kind, id, parts }) => [kind, id, Buffer.concat(parts).toString('hex')]);
}

const step = fc.oneof(
  fc.record({ act: fc.constant('data' as const), id: fc.integer({ min: 1, max: 3 }), size: fc.nat(700) }),
  fc.record({ act: fc.constant('frame' as const), id: fc.integer({ min: 1, max: 3 }), size: fc.nat(40) }),
  fc.record({
    act: fc.constantFrom('publish' as const, 'read' as const),
    id: fc.constant(0),
    size: fc.constant(0),
  }),
);

describe('what is written to a ring', () => {
  it('is read in order, whatever the sizes, cuts and wraps', () => {
    const capacities = fc.constantFrom(128, 256, 1024);
    fc.assert(
      fc.property(capacities, fc.array(step, { maxLength: 80 }), (capacity, steps) => {
        const { writer, read, seen, reader } = pair(capacity);
        const sent: Seen[] = [];
        const drain = (): void => {
          writer.publish();
          read();
        };
        for (const [at, { act, id, size }] of steps.entries()) {
          const bytes = bytesOf(size, at);
          if (act === 'publish') writer.publish();
          else if (act === 'read') read();
          else if (act === 'frame') {
            while (!writer.frame(FRAME.close, id, bytes)) drain();
            sent.push({ kind: FRAME.close, id, bytes });
          } else {
            for (let from = 0; from < size;) {
              const taken = writer.data(id, bytes, from, size);
              if (taken === 0) drain();
              from += taken;
            }
            if (size > 0) sent.push({ kind: FRAME.data, id, bytes });
          }
        }
        drain();
        expect(stretches(seen)).toEqual(stretches(sent));
        expect([reader.unread, writer.unpublished]).toEqual([0, 0]);
      }),
      { numRuns: 500 },
    );
  });

  it('is held back until it is published', () => {
    const { writer, read, seen } = pair(256);
    writer.frame(FRAME.end, 1);
    read();
    expect(seen).toEqual([]);
    expect([writer.publish(), writer.publish()]).toEqual([true, false]);
    read();
    expect(seen).toMatchObject([{ kind: FRAME.end, id: 1 }]);
  });

  it('in many small pieces for one connection is one frame', () => {
    const { writer, read, seen } = pair(4096);
    for (const id of [1, 1, 1, 2, 1]) writer.data(id, Buffer.from('ab'), 0, 2);
    writer.publish();
    read();
    expect(seen.map(({ id, bytes }) => [id, bytes.toString()])).toEqual([
      [1, 'ababab'],
      [2, 'ab'],
      [1, 'ab'],
    ]);
  });

  it('is read up to a mark at a time', () => {
    const { writer, read, seen } = pair(256);
    writer.frame(FRAME.end, 1);
    writer.frame(RING_FRAME.mark, 0);
    writer.frame(FRAME.end, 2);
    writer.publish();
    expect([read(), seen.length, read(), seen.length]).toEqual(['mark', 1, 'all', 2]);
  });

  it('in pieces is one payload', () => {
    const { writer, read, seen } = pair(256);
    writer.frame(RING_FRAME.piece, 1, Buffer.from('ab'));
    writer.frame(RING_FRAME.piece, 1, Buffer.from('cd'));
    writer.frame(FRAME.open, 1, Buffer.from('e'));
    writer.frame(FRAME.open, 2, Buffer.from('f'));
    writer.publish();
    read();
    expect(seen.map(({ bytes }) => bytes.toString())).toEqual(['abcde', 'f']);
  });

  it('wakes a writer that waits for room once, and only then', () => {
    const { writer, read, rooms } = pair(128);
    while (writer.frame(FRAME.end, 1));
    writer.publish();
    expect(writer.starve(64)).toBe(false);
    read();
    expect([rooms(), writer.starve(64)]).toEqual([1, true]);
    writer.frame(FRAME.end, 1);
    writer.publish();
    read();
    expect(rooms()).toBe(1);
  });
});

describe('memory that the other side has corrupted', () => {
  const bad = expect.objectContaining({ code: 'FORKLESS_BAD_FRAME' }) as Error;

  it.each([
    ['a tail before the head', -16],
    ['a tail beyond the ring', 256 + 16],
    ['a tail between two frames', 8],
  ])('is noticed by the reader: %s', (_, tail) => {
    const { words, read } = pair(256);
    Atomics.store(words, TAIL, tail);
    expect(read).toThrow(bad);
  });

  it.each([
    ['a head beyond the tail', 16],
    ['a head more than a ring behind', -272],
    ['a head between two frames', -8],
  ])('is noticed by the writer: %s', (_, head) => {
    const { words, writer } = pair(256);
    writer.frame(FRAME.end, 1);
    Atomics.store(words, HEAD, head + 16);
    expect(() => writer.starve(16)).toThrow(bad);
  });

  it('makes a reader throw at worst, with no byte read beyond the ring and an end to it', () => {
    const garbage = fc.uint8Array({ minLength: 256, maxLength: 256 });
    const word = fc.integer({ min: 0, max: 12 });
    fc.assert(
      fc.property(
        garbage,
        fc.integer(),
        fc.array(fc.tuple(word, word, word), { maxLength: 8 }),
        (bytes, tail, headers) => {
          const { memory, words, reader } = pair(256);
          new Uint8Array(memory).set(bytes, memory.byteLength - 256);
          // Garbage that looks like frames gets further than random words do.
          for (const [at, header] of headers.entries())
            words.set(header, (memory.byteLength - 256 + at * 32) / 4);
          Atomics.store(words, TAIL, headers.length > 0 ? headers.length * 32 : tail);
          let taken = 0;
          const read = (): void => {
            reader.read(
              (_, __, payload) => (taken += payload.length + 16),
              () => undefined,
            );
          };
          try {
            for (let turn = 0; turn < 20; turn += 1) read();
          } catch (error) {
            expect(error).toEqual(bad);
          }
          expect(taken).toBeLessThanOrEqual(256);
        },
      ),
      { numRuns: 1000 },
    );
  });
});
