import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ForklessError } from '../../../src/common/core/errors.ts';
import {
  FRAME,
  FrameWriter,
  HEADER,
  MAX_PAYLOAD,
  readFrames,
  readWord,
  type FrameKind,
} from '../../../src/common/wire/frames.ts';
import { tries } from '../../effort.ts';

interface Frame {
  readonly kind: FrameKind;
  readonly id: number;
  readonly payload: Uint8Array;
}

const kinds = Object.values(FRAME);
const anyFrame = fc.record<Frame>({
  kind: fc.constantFrom(...kinds),
  id: fc.integer({ min: 0, max: 0xffff_ffff }),
  payload: fc.oneof(
    fc.uint8Array({ maxLength: 40 }),
    fc.integer({ min: 3000, max: 9000 }).map((size) => new Uint8Array(size).fill(size)),
  ),
});

function read(batch: Uint8Array): Frame[] {
  const frames: Frame[] = [];
  readFrames(Buffer.from(batch.buffer, batch.byteOffset, batch.byteLength), (kind, id, payload) => {
    frames.push({ kind, id, payload: new Uint8Array(payload) });
  });
  return frames;
}

function write(frames: readonly Frame[], writer = new FrameWriter()): Uint8Array {
  for (const { kind, id, payload } of frames) writer.add(kind, id, payload);
  return writer.take();
}

function header(length: number, kind: number, id: number): Buffer {
  const bytes = Buffer.alloc(HEADER);
  bytes.writeUInt32LE(length, 0);
  bytes.writeUInt32LE(kind, 4);
  bytes.writeUInt32LE(id, 8);
  return bytes;
}

const badFrame = expect.objectContaining({ code: 'FORKLESS_BAD_FRAME' }) as Error;

function onlyBadFrame(run: () => void): void {
  try {
    run();
  } catch (error) {
    expect(error).toBeInstanceOf(ForklessError);
    expect(error).toMatchObject({ code: 'FORKLESS_BAD_FRAME' });
  }
}

describe('frames', () => {
  it('come out as they went in', () => {
    fc.assert(
      fc.property(fc.array(anyFrame, { maxLength: 12 }), (frames) => {
        expect(read(write(frames))).toEqual(frames);
      }),
      { numRuns: tries(100) },
    );
  });

  it('come out as they went in from a writer that is used again', () => {
    fc.assert(
      fc.property(fc.array(fc.array(anyFrame, { maxLength: 4 }), { maxLength: 4 }), (batches) => {
        const writer = new FrameWriter();
        const written = batches.map((frames) => write(frames, writer));
        expect(written.map(read)).toEqual(batches);
        expect(writer.length).toBe(0);
      }),
      { numRuns: tries(100) },
    );
  });

  it('carry parts of a payload', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 1, maxLength: 60 }), fc.nat(60), fc.nat(60), (payload, a, b) => {
        const from = Math.min(a, b, payload.length);
        const to = Math.min(Math.max(a, b), payload.length);
        const writer = new FrameWriter();
        writer.add(FRAME.data, 7, payload, from, to);
        expect(writer.length).toBe(HEADER + to - from);
        expect(read(writer.take())).toEqual([{ kind: FRAME.data, id: 7, payload: payload.slice(from, to) }]);
      }),
    );
  });

  it('carry words', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 0xffff_ffff }), (word) => {
        const writer = new FrameWriter();
        writer.addWord(FRAME.credit, 3, word);
        const [frame] = read(writer.take());
        expect(frame).toMatchObject({ kind: FRAME.credit, id: 3 });
        expect(readWord(Buffer.from(frame!.payload))).toBe(word);
      }),
    );
  });

  it('copy the payload, and a taken batch is not touched by later frames', () => {
    const writer = new FrameWriter();
    const payload = Buffer.from('abc');
    writer.add(FRAME.data, 1, payload);
    payload.fill('x');
    const batch = writer.take();
    writer.add(FRAME.data, 2, Buffer.from('def'));
    expect(Buffer.from(read(batch)[0]!.payload).toString()).toBe('abc');
  });

  it('may be as large as allowed and no larger', () => {
    const largest = Buffer.concat([header(MAX_PAYLOAD, FRAME.data, 1), Buffer.alloc(MAX_PAYLOAD)]);
    expect(read(largest)[0]!.payload.length).toBe(MAX_PAYLOAD);
    const larger = Buffer.concat([header(MAX_PAYLOAD + 1, FRAME.data, 1), Buffer.alloc(MAX_PAYLOAD + 1)]);
    expect(() => read(larger)).toThrow(badFrame);
  });
});

describe('garbage', () => {
  it.each([
    ['a header cut off', Buffer.alloc(HEADER - 1)],
    ['kind 0', header(0, 0, 1)],
    ['a kind past the last', header(0, FRAME.takenBack + 1, 1)],
    ['a payload cut off', header(1, FRAME.data, 1)],
    ['a length near 2^32', header(0xffff_ffff, FRAME.data, 1)],
  ])('is refused: %s', (_, batch) => {
    expect(() => read(batch)).toThrow(badFrame);
  });

  it('is refused at every cut of a batch that is not between two frames', () => {
    fc.assert(
      fc.property(fc.array(anyFrame, { minLength: 1, maxLength: 4 }), fc.nat(), (frames, cut) => {
        const batch = write(frames);
        const at = cut % batch.length;
        let edge = 0;
        const edges = [0, ...frames.map(({ payload }) => (edge += HEADER + payload.length))];
        const whole = edges.indexOf(at);
        if (whole >= 0) expect(read(batch.subarray(0, at))).toEqual(frames.slice(0, whole));
        else expect(() => read(batch.subarray(0, at))).toThrow(badFrame);
      }),
    );
  });

  it('never makes anything but FORKLESS_BAD_FRAME', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        onlyBadFrame(() => read(bytes));
      }),
      { numRuns: 2000 },
    );
  });

  it('never makes anything but FORKLESS_BAD_FRAME in batches with a few bytes changed', () => {
    const change = fc.tuple(fc.nat(), fc.integer({ min: 0, max: 255 }));
    fc.assert(
      fc.property(fc.array(anyFrame, { minLength: 1, maxLength: 4 }), fc.array(change), (frames, changes) => {
        const batch = write(frames);
        for (const [at, byte] of changes) batch[at % batch.length] = byte;
        onlyBadFrame(() => read(batch));
      }),
    );
  });

  it('is refused as a word of another length', () => {
    for (const size of [0, 1, 3, 5, 8]) expect(() => readWord(Buffer.alloc(size))).toThrow(badFrame);
  });
});
