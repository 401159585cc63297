import { afterEach, describe, expect, it, vi } from 'vitest';
import {
  BlockFilter,
  HttpdFilter,
  LineFilter,
  RecordBlockFilter,
  ReferenceFilter,
  StackableFilter,
  StreamFilter,
} from '../../../src/filters.ts';
import { AnyEnds, LiteralEnds, PatternEnds } from '../../../src/common/filters/line-ends.ts';
import { type AnyFilter, latin1, takeAll } from './reading.ts';

const KIB = 1024;
const MIB = KIB * KIB;

afterEach(() => {
  vi.restoreAllMocks();
});

/** Counts the bytes that are copied from buffer to buffer. */
function countCopies(): { bytes: number } {
  const count = { bytes: 0 };
  const typedArray = Object.getPrototypeOf(Uint8Array.prototype) as Uint8Array;
  // eslint-disable-next-line @typescript-eslint/unbound-method -- called with its own `this` below
  const { set } = typedArray;
  vi.spyOn(typedArray, 'set').mockImplementation(function (this: Uint8Array, source, offset) {
    count.bytes += source.length;
    set.call(this, source, offset);
  });
  const concat = Buffer.concat.bind(Buffer);
  vi.spyOn(Buffer, 'concat').mockImplementation((list) => {
    const all = concat(list);
    count.bytes += all.length;
    return all;
  });
  return count;
}

/** Counts the bytes in which `find` looks for the end of a line. */
function countScans(ends: { prototype: { find(bytes: Buffer, from: number): number } }): { bytes: number } {
  const count = { bytes: 0 };
  // eslint-disable-next-line @typescript-eslint/unbound-method -- called with its own `this` below
  const { find } = ends.prototype;
  vi.spyOn(ends.prototype, 'find').mockImplementation(function (this: unknown, bytes, from) {
    const at = find.call(this, bytes, from);
    count.bytes += (at === -1 ? bytes.length : at) - from;
    return at;
  });
  return count;
}

/** Counts the elements that are gone through in arrays while `run` runs. */
function countSteps(run: () => void): number {
  const { [Symbol.iterator]: iterate } = Array.prototype;
  let steps = 0;
  const counted = function* (this: unknown[]): Generator {
    for (let at = 0; at < this.length; at += 1) {
      steps += 1;
      yield this[at];
    }
  };
  const replace = (value: unknown): void => {
    Object.defineProperty(Array.prototype, Symbol.iterator, { value, writable: true, configurable: true });
  };
  replace(counted);
  try {
    run();
  } finally {
    replace(iterate);
  }
  return steps;
}

/** Pushes `size` bytes in pieces, taking after each. */
function feed(filter: AnyFilter, size: number, piece: number, fill = 'x'): void {
  const chunk = Buffer.alloc(piece, fill);
  for (let fed = 0; fed < size; fed += piece) {
    filter.push(chunk);
    filter.take();
  }
}

describe('a byte is copied and looked at a constant number of times', () => {
  it.each([
    ['64 MiB in 64 KiB', 64 * MIB, 64 * KIB],
    ['64 KiB in 64 KiB', 64 * KIB, 64 * KIB],
    ['32 KiB in single bytes', 32 * KIB, 1],
  ])('of a line of %s', (_, size, piece) => {
    const copies = countCopies();
    const scans = countScans(AnyEnds);
    const filter = new LineFilter({ maxLength: 64 * MIB, encoding: 'latin1' });
    feed(filter, size, piece);
    filter.push(latin1('\n'));
    expect(filter.take()?.length).toBe(size);
    expect(copies.bytes / size).toBeLessThan(4);
    expect(scans.bytes / size).toBeLessThan(1.1);
  });

  it.each([
    ['literal', { inputLiteral: 'abcdefgh' }, LiteralEnds],
    ['pattern', { inputRegexp: /a\n/ }, PatternEnds],
  ])('of a line ended by a %s, 8 MiB in 4 KiB', (_, options, ends) => {
    const copies = countCopies();
    const scans = countScans(ends);
    feed(new LineFilter({ ...options, maxLength: 8 * MIB }), 8 * MIB, 4 * KIB);
    expect(copies.bytes / (8 * MIB)).toBeLessThan(4);
    expect(scans.bytes / (8 * MIB)).toBeLessThan(1.1);
  });

  it('of many lines in one chunk, found by a pattern', () => {
    const decoded = vi.spyOn(Buffer.prototype, 'toString');
    const filter = new LineFilter({ inputRegexp: /;/ });
    filter.push(Buffer.alloc(16 * KIB, 'abcdefg;'));
    expect(takeAll(filter)).toHaveLength(2 * KIB);
    const windows = decoded.mock.calls.filter(([encoding]) => encoding === 'latin1');
    const bytes = windows.reduce((sum, call) => sum + Number(call[2]) - Number(call[1]), 0);
    expect(bytes / (2 * KIB)).toBeLessThan(1100);
  });

  it('of a line that is too long, without an end', () => {
    const copies = countCopies();
    const filter = new LineFilter({ literal: '--' });
    for (let count = 0; count < 100; count += 1) {
      filter.push(Buffer.alloc(64 * KIB));
      takeAll(filter);
    }
    expect(copies.bytes).toBeLessThan(8 * MIB);
    expect(filter.release().length).toBeLessThan(2);
  });

  it('of a line whose end is to be found out', () => {
    const copies = countCopies();
    const scans = countScans(AnyEnds);
    feed(new LineFilter({ autodetect: true, maxLength: 8 * MIB }), 8 * MIB, 4 * KIB);
    expect(copies.bytes / (8 * MIB)).toBeLessThan(4);
    expect(scans.bytes / (8 * MIB)).toBeLessThan(1.1);
  });

  it.each<[string, AnyFilter, string, number]>([
    ['lines', new LineFilter(), 'a\n', 1],
    ['blocks', new BlockFilter({ blockSize: 2 }), 'ab', 1],
    ['blocks with a length', new BlockFilter(), '1\0a', 1],
    ['references', new ReferenceFilter(), '1\x001', 1],
    ['garbage for blocks', new BlockFilter(), 'x'.repeat(64), 0],
    ['headers', new HttpdFilter({ maxHeaders: 1e6, maxHeaderSize: MIB }), 'a: b\r\n', 0],
    ['what was read', new StreamFilter(), 'ab', 1],
  ])('of %s in one chunk of 128 KiB, and in single bytes', (_, filter, piece, each) => {
    const copies = countCopies();
    const before = filter instanceof HttpdFilter ? 'GET / HTTP/1.1\r\n' : '';
    const count = Math.floor((128 * KIB) / piece.length);
    const whole = latin1(before + piece.repeat(count));
    filter.push(whole);
    const inOne = takeAll(filter).filter((record) => typeof record !== 'string' || !record.startsWith('!'));
    expect(inOne).toHaveLength(filter instanceof StreamFilter ? 1 : count * each);
    expect(copies.bytes / whole.length).toBeLessThan(2.1);
    filter.release();
    for (const byte of whole.subarray(0, 32 * KIB)) {
      filter.push(Buffer.of(byte));
      takeAll(filter);
    }
    expect(copies.bytes / whole.length).toBeLessThan(4);
  });

  it('of a streamed body, which does not stay', () => {
    const copies = countCopies();
    const filter = new HttpdFilter({ streaming: true });
    filter.push(latin1(`POST / HTTP/1.1\r\nContent-Length: ${64 * MIB}\r\n\r\n`));
    expect(filter.take()).toMatchObject({ bodyFollows: true });
    feed(filter, 64 * MIB, 64 * KIB);
    expect(copies.bytes).toBe(0);
    expect(filter.release()).toHaveLength(0);
  });

  it('of a streamed body in chunks of one byte, which come byte by byte', () => {
    const copies = countCopies();
    const filter = new HttpdFilter({ streaming: true });
    filter.push(latin1('POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n'));
    expect(filter.take()).toMatchObject({ bodyFollows: true });
    const chunks = latin1('1;a=b\r\nx\r\n'.repeat(1000)).subarray(0, 8000);
    for (const byte of chunks) {
      filter.push(Buffer.of(byte));
      takeAll(filter);
    }
    expect(copies.bytes / chunks.length).toBeLessThan(4);
  });

  it('and a record that waits for a whole block to be sent', () => {
    const block = new RecordBlockFilter<string>({ blockSize: 2000, checkPut: true });
    const steps = countSteps(() => {
      for (let put = 1; put < 2000; put += 1) block.encode(['x']);
    });
    expect(steps).toBeLessThan(4000);
    expect(block.encode(['x'])).toHaveLength(2000);
    expect(block.putPending).toEqual([]);
  });

  const chunk = `1000\r\n${'x'.repeat(0x1000)}\r\n`;
  it.each<[string, AnyFilter, string, string, string]>([
    ['block', new BlockFilter({ maxLength: 8 * MIB }), `${8 * MIB}\0`, 'x', ''],
    ['reference', new ReferenceFilter({ maxLength: 9 * MIB }), `${8 * MIB + 2}\0"`, 'x', '"'],
    [
      'body',
      new HttpdFilter({ maxBody: 8 * MIB }),
      `GET / HTTP/1.1\r\nContent-Length: ${8 * MIB}\r\n\r\n`,
      'x',
      '',
    ],
    [
      'chunked body',
      new HttpdFilter({ maxBody: 9 * MIB }),
      'GET / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n',
      chunk,
      '0\r\n\r\n',
    ],
    [
      'line in a stack',
      new StackableFilter({ filters: [new LineFilter({ maxLength: 8 * MIB })] }),
      '',
      'x',
      '\n',
    ],
  ])('of a %s of 8 MiB in small pieces', (_, filter, before, fill, after) => {
    const copies = countCopies();
    filter.push(latin1(before));
    const pieces = Math.floor((8 * MIB) / 4096);
    const piece = fill === 'x' ? Buffer.alloc(4096, 'x') : latin1(fill);
    for (let count = 1; count < pieces; count += 1) {
      filter.push(piece);
      expect(filter.take()).toBeUndefined();
    }
    filter.push(Buffer.concat([piece, latin1(after)]));
    expect(filter.take()).toBeDefined();
    expect(copies.bytes / (8 * MIB)).toBeLessThan(8);
  });
});
