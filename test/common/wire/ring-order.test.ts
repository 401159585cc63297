import { describe, expect, it } from 'vitest';
import { FRAME } from '../../../src/common/wire/frames.ts';
import { ASLEEP, createRing, RingWriter } from '../../../src/common/wire/ring.ts';
import { RingReader } from '../../../src/common/wire/ring-reader.ts';
import { WHOLE } from '../../effort.ts';
import { everyOrder, type Bells, type World } from './interleave.ts';

const FRAME_BYTES = 32;

/** A writer of `count` frames and a reader on a ring of two, as `RingLane` uses them. */
function world(
  count: number,
  publishEach: boolean,
  nap: (reader: RingReader, words: Int32Array) => boolean,
): World {
  const memory = createRing(2 * FRAME_BYTES);
  const words = new Int32Array(memory);
  const seen: number[] = [];
  const publish = (writer: RingWriter, bells: Bells): void => {
    if (writer.publish()) bells.ring('reader');
  };
  return {
    writer: (bells) => {
      const writer = new RingWriter(memory);
      for (let at = 0; at < count; at += 1) {
        while (!writer.frame(FRAME.data, 1, Uint8Array.of(at))) {
          publish(writer, bells);
          if (!writer.starve(FRAME_BYTES)) bells.wait();
        }
        if (publishEach) publish(writer, bells);
      }
      publish(writer, bells);
    },
    reader: (bells) => {
      const reader = new RingReader(memory);
      let read = 0;
      for (;;) {
        bells.wait();
        do {
          reader.read(
            (_, __, payload) => {
              // Noted when it is read first: by the time of a later run the place has another frame.
              if (read === seen.length) seen.push(payload[0]!);
              read += 1;
            },
            () => {
              bells.ring('writer');
            },
          );
        } while (!nap(reader, words));
      }
    },
    settled: (blocked) => {
      expect(blocked).toEqual(['reader']);
      expect(seen).toEqual(Array.from({ length: count }, (_, at) => at));
    },
  };
}

const sleep = (reader: RingReader): boolean => reader.sleep();

describe('in every order of the atomic steps of writer and reader', () => {
  it.each<[number, boolean]>([
    [1, true],
    [2, true],
    [2, false],
    // These orders alone take longer than all others.
    ...(WHOLE ? ([[3, true]] as [number, boolean][]) : []),
    [3, false],
  ])(
    '%i frames through a ring of two arrive once, in order, and nobody waits for ever (each published: %s)',
    (count, each) => {
      expect(everyOrder(() => world(count, each, sleep))).toBeGreaterThan(0);
    },
  );

  it('a reader that looks before it says that it sleeps is found to miss a doorbell', () => {
    const careless = (reader: RingReader, words: Int32Array): boolean => {
      if (reader.unread > 0) return false;
      Atomics.store(words, ASLEEP, 1);
      return true;
    };
    expect(() => everyOrder(() => world(2, true, careless))).toThrow();
  });
});
