import { describe, expect, it } from 'vitest';
import { LaneReader } from '../../../src/common/lane/lane-reader.ts';
import { FRAME, RING_FRAME } from '../../../src/common/wire/frames.ts';
import { createRing, RingWriter } from '../../../src/common/wire/ring.ts';

function pair() {
  const memory = createRing(1_024);
  const writer = new RingWriter(memory);
  const taken: number[] = [];
  const counts = { turns: 0, passed: 0 };
  const reader = new LaneReader({
    memory,
    sink: (_kind, id) => {
      taken.push(id);
      sunk();
    },
    passed: () => (counts.passed += 1),
    room: () => undefined,
    askTurn: () => (counts.turns += 1),
  });
  let sunk = (): void => undefined;
  /** Writes a frame of each of these connections; true: the reader must be rung. */
  const write = (...ids: number[]): boolean => {
    for (const id of ids) writer.frame(FRAME.end, id);
    return writer.publish();
  };
  const mark = (): boolean => writer.frame(RING_FRAME.mark, 0);
  const onFrame = (run: () => void): void => {
    sunk = run;
  };
  return { reader, taken, counts, write, mark, onFrame };
}

const bad = expect.objectContaining({ code: 'FORKLESS_BAD_FRAME' }) as Error;

describe('the reader of a lane', () => {
  it('is rung once it sleeps; it is awake after it has read, and sleeps after a look that finds nothing', () => {
    const { reader, taken, counts, write } = pair();
    expect([reader.awake, write(1, 2)]).toEqual([false, true]);
    reader.look();
    expect([taken, reader.awake, counts]).toEqual([[1, 2], true, { turns: 1, passed: 1 }]);
    expect(write(3)).toBe(false);
    reader.look();
    reader.look();
    expect([taken, reader.awake, counts.turns]).toEqual([[1, 2, 3], false, 2]);
    expect(write(4)).toBe(true);
  });

  it('does not read on while it gives a frame to the sink, whatever that leads to', () => {
    const { reader, taken, write, onFrame } = pair();
    write(1, 2, 3);
    const within: number[] = [];
    onFrame(() => {
      reader.look();
      reader.drain();
      within.push(taken.length);
    });
    reader.look();
    expect([taken, within]).toEqual([
      [1, 2, 3],
      [1, 2, 3],
    ]);
  });

  it('waits at a mark for its message, and looks on behind it', () => {
    const { reader, taken, counts, write, mark } = pair();
    write(1);
    mark();
    write(2);
    reader.look();
    reader.look();
    expect([taken, reader.awake, counts.turns]).toEqual([[1], false, 0]);
    reader.passMark();
    expect(reader.awake).toBe(true);
    reader.look();
    expect(taken).toEqual([1, 2]);
  });

  it('reads up to the mark when the message has come first, and takes none without a mark', () => {
    const { reader, taken, write, mark } = pair();
    write(1);
    mark();
    write(2);
    reader.passMark();
    expect(taken).toEqual([1]);
    expect(() => {
      reader.passMark();
    }).toThrow(bad);
  });

  it('reads everything at the end of the far side, also behind marks whose messages never came', () => {
    const { reader, taken, write, mark } = pair();
    write(1);
    mark();
    write(2);
    mark();
    write(3);
    reader.look();
    reader.drain();
    expect(taken).toEqual([1, 2, 3]);
  });

  it('stays where it can go on when the sink throws', () => {
    const { reader, counts, write, onFrame } = pair();
    write(1, 2);
    onFrame(() => {
      throw new Error('thrown by the sink');
    });
    expect(() => {
      reader.look();
    }).toThrow('thrown by the sink');
    expect([reader.awake, counts]).toEqual([true, { turns: 0, passed: 1 }]);
  });
});
