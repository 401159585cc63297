import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ForklessError } from '../../../src/common/core/errors.ts';
import { fromPlain, toPlain } from '../../../src/common/core/thrown.ts';
import { MOST_SLOTS } from '../../../src/common/wire/leases.ts';
import { FRAME, FrameWriter, readFrames, readWord, type FrameKind } from '../../../src/common/wire/frames.ts';
import { encodeJson, readCall, readClose, readOpen, readToMain } from '../../../src/common/wire/messages.ts';

/** What a reader may do with garbage: say so. Anything else would crash the main thread. */
function refuses(read: () => unknown): boolean {
  try {
    read();
    return false;
  } catch (error) {
    if (error instanceof ForklessError && error.code === 'FORKLESS_BAD_FRAME') return true;
    throw error;
  }
}

const kinds = fc.constantFrom<FrameKind[]>(...Object.values(FRAME));
const frame = fc.record({
  kind: kinds,
  id: fc.integer({ min: 0, max: 0xffff_ffff }),
  payload: fc.uint8Array({ maxLength: 40 }),
});

function batchOf(frames: readonly { kind: FrameKind; id: number; payload: Uint8Array }[]): Buffer {
  const writer = new FrameWriter();
  for (const { kind, id, payload } of frames) writer.add(kind, id, payload);
  return Buffer.from(writer.take());
}

describe('garbage', () => {
  it('as a batch is refused, or cut into frames that lie within it', () => {
    const bytes = fc.uint8Array({ maxLength: 200 }).map((batch) => Buffer.from(batch));
    fc.assert(
      fc.property(bytes, (batch) => {
        let read = 0;
        refuses(() => {
          readFrames(batch, (_, __, payload) => (read += 12 + payload.length));
        });
        expect(read).toBeLessThanOrEqual(batch.length);
      }),
      { numRuns: 2_000 },
    );
  });

  it('as one changed byte in a good batch does no more than that', () => {
    fc.assert(
      fc.property(
        fc.array(frame, { minLength: 1, maxLength: 5 }),
        fc.nat(),
        fc.nat(255),
        (frames, at, byte) => {
          const batch = batchOf(frames);
          batch[at % batch.length] = byte;
          let read = 0;
          const refused = refuses(() => {
            readFrames(batch, (_, __, payload) => (read += 12 + payload.length));
          });
          expect(refused || read === batch.length).toBe(true);
        },
      ),
      { numRuns: 1_000 },
    );
  });

  it('as a payload is refused, or has the promised fields', () => {
    const payload = fc.oneof(
      fc.uint8Array({ maxLength: 60 }).map((bytes) => Buffer.from(bytes)),
      fc.json().map((text) => Buffer.from(text)),
    );
    fc.assert(
      fc.property(payload, (bytes) => {
        for (const read of [readCall, readClose, readWord, readOpen]) refuses(() => read(bytes));
      }),
      { numRuns: 1_000 },
    );
  });

  it('as a control message is refused, or is one', () => {
    const fields = fc.record(
      {
        kind: fc.constantFrom(
          'ready',
          'failed',
          'beat',
          'ask',
          'limit',
          'leaving',
          'trouble',
          'message',
          'toString',
        ),
        error: fc.anything(),
        open: fc.anything(),
        request: fc.anything(),
        callback: fc.anything(),
        connection: fc.anything(),
      },
      { requiredKeys: ['kind'] },
    );
    fc.assert(
      fc.property(fc.oneof(fc.anything(), fields), (message) => {
        refuses(() => {
          const told = readToMain(message);
          if (told.kind === 'failed' || told.kind === 'trouble')
            expect(typeof fromPlain(told.error).message).toBe('string');
        });
      }),
      { numRuns: 2_000 },
    );
  });

  it.each([-1, 0.5, MOST_SLOTS, 1e300, NaN])('as slot %s is refused', (slot) => {
    expect(refuses(() => readOpen(Buffer.from(encodeJson({ slot, addresses: {} }))))).toBe(true);
  });

  it('thrown by a handler, whatever it is, can be told', () => {
    class Odd extends Error {
      override get message(): string {
        throw new Error('no message');
      }
    }
    const thrown = [
      new Odd(),
      Object.assign(new Error('x'), { message: 5, stack: {}, name: null }),
      Symbol('s'),
    ];
    for (const each of thrown) {
      const plain = toPlain(each);
      expect(refuses(() => readToMain({ kind: 'failed', error: plain }))).toBe(false);
    }
  });
});
